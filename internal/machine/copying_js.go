package machine

// copying is false for a page: it would have to load what that takes.
const copying = false

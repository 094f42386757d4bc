package codec

//twinwire:codec
type Names []string

// want 4:6: Names is no struct of this package without methods of its own: put it into one, what contains it carries it

package noservice

//twinwire:service
type Service struct{}

//twinwire:service
type Empty interface{}

// want 4:6: service Service is no interface: put the directive on the interface that is served
// want 7:6: service Empty has no methods: declare what it serves

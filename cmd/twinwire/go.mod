module github.com/twinwire/twinwire/cmd/twinwire

go 1.26.0

require (
	github.com/twinwire/twinwire v0.0.0-00010101000000-000000000000
	golang.org/x/tools v0.51.0
)

require (
	github.com/golang-jwt/jwt/v5 v5.3.1 // indirect
	github.com/vmihailenco/msgpack/v5 v5.4.1 // indirect
	github.com/vmihailenco/tagparser/v2 v2.0.0 // indirect
	golang.org/x/time v0.16.0 // indirect
)

replace github.com/twinwire/twinwire => ../..

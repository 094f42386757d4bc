// Package zoo has hostile peers, as tests: each does one row of the table of
// docs/security.md to a server in a process of its own, with little memory,
// while good clients use it over both wires. The server has to survive, to
// forget the peer, and to go on answering the others.
//
//	go test ./internal/zoo -v                   # what each row cost, and what others noticed
//	go test ./internal/zoo -run Neighbours -zoo.rounds 20   # whether others notice, with an interval
//	go test ./internal/zoo -run Unspoken -zoo.silent 10000  # what a silent connection holds
package zoo

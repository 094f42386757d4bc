// What any Go program is, for the comparison of sizes.
package main

func main() {}

// Reads what deploy/ holds for others as those others read it, by their own Go code. Prints each thing
// as a line of JSON; what does not fit goes to standard error, and the exit code is 1.
//
// usage: reader kubernetes|compose|containerfile FILE...
package main

import (
	"encoding/json"
	"fmt"
	"os"
)

func main() {
	readers := map[string]func([]byte, func(any) error) error{
		"kubernetes": readKubernetes, "compose": readCompose, "containerfile": readContainerfile}
	if len(os.Args) < 3 || readers[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: reader kubernetes|compose|containerfile FILE...")
		os.Exit(2)
	}
	failed := false
	for _, path := range os.Args[2:] {
		text, err := os.ReadFile(path)
		if err == nil {
			err = readers[os.Args[1]](text, json.NewEncoder(os.Stdout).Encode)
		}
		if err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", path, err)
			failed = true
		}
	}
	if failed {
		os.Exit(1)
	}
}

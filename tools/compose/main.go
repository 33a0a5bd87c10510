// Program compose-spec reads a compose file as docker compose does, with no engine to talk to: what
// docker compose would refuse is an error, what it would run is printed as JSON.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/compose-spec/compose-go/v2/cli"
)

var version string // the linker sets it

func main() {
	if len(os.Args) != 2 {
		fail("usage: compose-spec FILE | --version")
	}
	if os.Args[1] == "--version" {
		fmt.Println("compose-spec", version)
		return
	}
	// The environment is left out: a test of defaults must not depend on who runs it.
	options, err := cli.NewProjectOptions(os.Args[1:], cli.WithResolvedPaths(true))
	if err != nil {
		fail(err)
	}
	project, err := options.LoadProject(context.Background())
	if err != nil {
		fail(err)
	}
	model, err := project.MarshalJSON()
	if err != nil {
		fail(err)
	}
	fmt.Println(string(model))
}

func fail(reason any) {
	fmt.Fprintln(os.Stderr, reason)
	os.Exit(1)
}

// SPDX-License-Identifier: Apache-2.0

// Command genwire writes awswire's generated files.
//
//	genwire -service sesv2 -operations sesv2_gen.go
//	genwire -service ses -model service-2.json -extra constraints/ses.extra -constraints constraints/ses.txt
//	genwire -service ses -model service-2.json -errors ../../edge/api/testdata/errors/ses.txt
//
// The second and the third form need the service's API model, as botocore ships it. They
// are only run when a newer model is at hand; their output is committed.
package main

import (
	"flag"
	"fmt"
	"os"

	"sesame/internal/proto/awswire/internal/gen"
)

func main() {
	service := flag.String("service", "", "the SDK's name of the service")
	operations := flag.String("operations", "", "Go file to write")
	model := flag.String("model", "", "API model to read")
	extra := flag.String("extra", "", "further facts to read")
	constraints := flag.String("constraints", "", "constraint file to write")
	declared := flag.String("errors", "", "file of the operations' errors to write")
	flag.Parse()
	err := run(*service, *operations, *model, *extra, *constraints)
	if err == nil && *declared != "" {
		err = writeErrors(*model, *declared)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "genwire:", err)
		os.Exit(1)
	}
}

func run(service, operations, model, extra, constraints string) error {
	dir, err := gen.PackageDir(gen.SDK + service)
	if err != nil {
		return err
	}
	if operations != "" {
		source, err := gen.Operations(service, dir)
		if err != nil {
			return err
		}
		if err := os.WriteFile(operations, source, 0o644); err != nil {
			return err
		}
	}
	if constraints == "" {
		return nil
	}
	return writeConstraints(dir, model, extra, constraints)
}

func writeConstraints(dir, model, extra, out string) error {
	modelText, err := os.ReadFile(model)
	if err != nil {
		return err
	}
	extraText, err := os.ReadFile(extra)
	if err != nil {
		return err
	}
	enums, err := gen.Enums(dir)
	if err != nil {
		return err
	}
	text, err := gen.Constraints(modelText, enums, string(extraText))
	if err != nil {
		return err
	}
	return os.WriteFile(out, text, 0o644)
}

func writeErrors(model, out string) error {
	text, err := os.ReadFile(model)
	if err != nil {
		return err
	}
	lines, err := gen.Errors(text)
	if err != nil {
		return err
	}
	return os.WriteFile(out, lines, 0o644)
}

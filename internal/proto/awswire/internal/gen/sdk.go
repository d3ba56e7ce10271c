// SPDX-License-Identifier: Apache-2.0

package gen

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
)

// RequiredMembers returns, for each structure type in an SDK package's directory, the
// fields that its documentation calls required.
func RequiredMembers(dir string) (map[string][]string, error) {
	files, err := filepath.Glob(filepath.Join(dir, "api_op_*.go"))
	if err != nil {
		return nil, err
	}
	found := map[string][]string{}
	for _, file := range append(files, filepath.Join(dir, "types", "types.go")) {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
		if err != nil {
			return nil, err
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			if s, ok := spec.Type.(*ast.StructType); ok {
				for _, f := range s.Fields.List {
					if len(f.Names) == 1 && strings.Contains(f.Doc.Text(), "This member is required.") {
						found[spec.Name.Name] = append(found[spec.Name.Name], f.Names[0].Name)
					}
				}
			}
			return true
		})
	}
	return found, nil
}

// ErrorTypes returns the names of the error types in an SDK package's directory.
func ErrorTypes(dir string) ([]string, error) {
	parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, "types", "errors.go"), nil, 0)
	if err != nil {
		return nil, err
	}
	var names []string
	ast.Inspect(parsed, func(n ast.Node) bool {
		if spec, ok := n.(*ast.TypeSpec); ok {
			names = append(names, spec.Name.Name)
		}
		return true
	})
	return names, nil
}

package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/spf13/cobra"

	"viver/planner/lang"
)

// variablePrefix begins the names of environment variables that set variables: VIVER_VAR_rooms.
const variablePrefix = "VIVER_VAR_"

// variableFlags adds the flags by which variables get their values.
func (a *app) variableFlags(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&a.vars, "var", nil, "value of a variable, `NAME=VALUE`; can be repeated, and counts more than files and VIVER_VAR_NAME in the environment")
	cmd.Flags().StringArrayVar(&a.varFiles, "var-file", nil, "`FILE` with values of variables; can be repeated, later ones count more. Files *.auto.viver.vars beside the configuration are read before these")
}

// inputs are the values of variables; later ones count more: the environment, *.auto.viver.vars files beside the configuration, --var-file,
// --var. Environment variables for variables that the configuration does not have are for another one.
func (a *app) inputs(declared []lang.Variable) (inputs []lang.Input, diags hcl.Diagnostics) {
	for _, v := range declared {
		if value, ok := os.LookupEnv(variablePrefix + v.Name); ok {
			inputs = append(inputs, lang.Input{Name: v.Name, Text: value, Source: variablePrefix + v.Name})
		}
	}
	for _, path := range append(lang.AutoVarFiles(a.dir), a.varFiles...) {
		more, d := lang.ReadVarFile(path)
		inputs, diags = append(inputs, more...), append(diags, d...)
	}
	for _, v := range a.vars {
		name, value, ok := strings.Cut(v, "=")
		if !ok || name == "" {
			diags = append(diags, &hcl.Diagnostic{
				Severity: hcl.DiagError, Summary: "Value without a name", Detail: fmt.Sprintf("--var %s: write --var NAME=VALUE.", v),
			})
			continue
		}
		inputs = append(inputs, lang.Input{Name: name, Text: value, Source: "--var"})
	}
	return inputs, diags
}

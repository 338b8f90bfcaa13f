package config

import (
	"fmt"
	"io"
	"reflect"
	"text/tabwriter"
)

const hidden = "(hidden)"

// Print writes the effective settings of the role and where each came from; secrets are hidden.
func (l *Loaded) Print(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, s := range All() {
		if !s.Of(l.Role) {
			continue
		}
		value := show(reflect.ValueOf(l.Settings).Field(s.index))
		if s.Secret && value != "" {
			value = hidden
		}
		fmt.Fprintf(table, "%s:\t%s\t# %s\n", s.Name, value, l.origins[s.index])
	}
	for _, p := range l.Providers {
		if p.Name != flaggedName {
			fmt.Fprintf(table, "oidc: %s:\t%s\t# %s\n", p.Name, p.summary(), FromFile)
		}
	}
	return table.Flush()
}

// Reference writes the manual of all settings as Markdown.
func Reference(w io.Writer) error {
	_, err := fmt.Fprint(w, "# Settings\n\nEach setting has one name in four places, in rising precedence: default, YAML file (`--config`), environment, flag. Unknown names are errors, and so are settings given to a process that must not have them: `config check --role edge` tells. \"All\" processes are serve, edge, worker and coordinator.\n\n| flag and file key | environment | default | for | meaning |\n|---|---|---|---|---|\n")
	for _, s := range All() {
		if err != nil {
			return err
		}
		value := ""
		if s.Default != "" {
			value = "`" + s.Default + "`"
		}
		_, err = fmt.Fprintf(w, "| `--%s` | `%s` | %s | %s | %s |\n", s.Name, s.Env, value, rolesText(s.Roles), s.Help)
	}
	return err
}

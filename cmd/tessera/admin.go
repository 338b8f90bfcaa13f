package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/pflag"
)

const adminUsage = `write one of
  tessera admin user list | add EMAIL | set EMAIL | delete EMAIL
  tessera admin rule list | set FILE
  tessera admin session list | end ID
  tessera admin token list | create NAME | delete ID`

func admin(ctx, _ context.Context, env environment) error {
	if len(env.args) < 2 {
		return usageError{errors.New(adminUsage)}
	}
	noun, verb := env.args[0], env.args[1]
	env.args = env.args[2:]
	actions := map[string]func(context.Context, environment) error{
		"user list": userList, "user add": userAdd, "user set": userSet, "user delete": userDelete,
		"rule list": ruleList, "rule set": ruleSet,
		"session list": sessionList, "session end": sessionEnd,
		"token list": tokenList, "token create": tokenCreate, "token delete": tokenDelete,
	}
	action := actions[noun+" "+verb]
	if action == nil {
		return usageError{errors.New(adminUsage)}
	}
	return action(ctx, env)
}

// arrange parses flags, wants exactly the named arguments, and connects.
func arrange(ctx context.Context, flags *pflag.FlagSet, c *client, env environment, names ...string) ([]string, error) {
	if err := flags.Parse(env.args); err != nil {
		if errors.Is(err, pflag.ErrHelp) {
			return nil, err
		}
		return nil, usageError{err}
	}
	if flags.NArg() != len(names) {
		return nil, usageError{fmt.Errorf("tessera %s %s", flags.Name(), strings.Join(names, " "))}
	}
	return flags.Args(), c.connect(ctx)
}

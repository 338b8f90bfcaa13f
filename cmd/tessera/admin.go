package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/pflag"
)

const adminUsage = `write one of
  tessera admin user list | add EMAIL | set EMAIL | delete EMAIL | link EMAIL | unlink EMAIL
  tessera admin group list | members GROUP | add GROUP EMAIL | remove GROUP EMAIL | rename GROUP NAME | delete GROUP
  tessera admin rule list | set FILE
  tessera admin item list | set IMAGE | remove IMAGE | import FILE
  tessera admin session list | end ID | end --user EMAIL | end --provider NAME
  tessera admin provider list | check NAME
  tessera admin token list | create NAME | delete ID
  tessera admin audit list | verify | export
  tessera admin cluster list
  tessera admin cache purge --image IMAGE | --prefix PREFIX | --all`

func admin(ctx, _ context.Context, env environment) error {
	if len(env.args) < 2 {
		return usageError{errors.New(adminUsage)}
	}
	noun, verb := env.args[0], env.args[1]
	env.args = env.args[2:]
	actions := map[string]func(context.Context, *client) error{
		"user list": userList, "user add": userAdd, "user set": userSet, "user delete": userDelete,
		"user link": userLink, "user unlink": userUnlink,
		"group list": groupList, "group members": groupMembers, "group add": groupAdd, "group remove": groupRemove,
		"group rename": groupRename, "group delete": groupDelete,
		"rule list": ruleList, "rule set": ruleSet,
		"item list": itemList, "item set": itemSet, "item remove": itemRemove, "item import": itemImport,
		"session list": sessionList, "session end": sessionEnd,
		"provider list": providerList, "provider check": providerCheck,
		"token list": tokenList, "token create": tokenCreate, "token delete": tokenDelete,
		"cluster list": clusterList, "cache purge": cachePurge,
		"audit list": auditList, "audit verify": auditVerify, "audit export": auditExport,
	}
	action := actions[noun+" "+verb]
	if action == nil {
		return usageError{errors.New(adminUsage)}
	}
	return withClient(ctx, env, action)
}

// arrange parses and connects.
func arrange(ctx context.Context, flags *pflag.FlagSet, c *client, names ...string) ([]string, error) {
	args, err := parse(flags, c.env.args, names...)
	if err != nil {
		return nil, err
	}
	return args, c.connect(ctx)
}

// parse takes the flags out and wants exactly the named arguments.
func parse(flags *pflag.FlagSet, args []string, names ...string) ([]string, error) {
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, pflag.ErrHelp) {
			return nil, err
		}
		return nil, usageError{err}
	}
	if flags.NArg() != len(names) {
		return nil, usageError{fmt.Errorf("tessera %s %s", flags.Name(), strings.Join(names, " "))}
	}
	return flags.Args(), nil
}

package main

import "context"

// corner is a region that lies on no viewer's grid, so that no tile is had by it.
const corner = "/13,17,100,100/100,/0/default.jpg"

// prepare has a server find out what it wants to know of a file before it makes tiles of
// it, such as where its packets are. cpu is the processor time that took, which is told
// apart: a file is looked into once, and its tiles are asked for by everybody.
func (t target) prepare(ctx context.Context) (cpu float64, err error) {
	before, err := cpuSeconds(t.pids)
	if err != nil {
		return 0, err
	}
	c := newClient(t.base, "")
	defer c.close()
	path := t.base.EscapedPath() + corner
	a, err := c.get(ctx, path)
	if err == nil {
		err = accept(a, path)
	}
	if err != nil {
		return 0, err
	}
	spent, _, err := settle(ctx, t.pids)
	return spent - before, err
}

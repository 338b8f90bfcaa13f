package coordinator

import "context"

// AskDue asks providers about the sessions that are due, as Start does now and then.
func (c *Coordinator) AskDue(ctx context.Context) { c.askDue(ctx) }

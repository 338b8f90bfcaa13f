package authz

// Census finds out which rules name none of the images that are there. It is shown them
// one by one; rules that it has not seen an image of are those that name none of these.
type Census struct {
	index index
	seen  []bool
	left  int // rules not seen yet
}

// Census begins one. Rules count whatever their time is, and whether or not others decide
// before them.
func (p *Policy) Census() *Census {
	return &Census{index: newIndex(p.named), seen: make([]bool, len(p.verdicts)), left: len(p.verdicts)}
}

// See looks at an image. It costs about what a decision does.
func (c *Census) See(image string) {
	if c.left == 0 {
		return
	}
	c.try(c.index.always, image)
	if len(c.index.filed) == 0 {
		return
	}
	pieces := &c.index.pieces
	var done tried
	var node int32
	for i := range len(image) {
		node = pieces.step(node, image[i])
		for n := pieces.nearby[node]; n != 0; n = pieces.nearby[pieces.fail[n]] {
			if done.add(n) {
				c.try(c.index.filed[pieces.piece[n]], image)
			}
		}
	}
}

func (c *Census) try(entries []entry, image string) {
	for i := range entries {
		e := &entries[i]
		if !c.seen[e.rule] && e.pattern.match(image, false) {
			c.seen[e.rule] = true
			c.left--
		}
	}
}

// Seen tells whether an image of the rule at a place, from 0, was among those.
func (c *Census) Seen(rule int) bool { return c.seen[rule] }

// Done tells whether there was one of every rule.
func (c *Census) Done() bool { return c.left == 0 }

package graph

// Components returns for each vertex a number that it shares with exactly those from which it can be reached and which it can reach: the
// vertices of a cycle have one number. Unlike Order and Walk it takes graphs with cycles (Tarjan 1972).
func (g *Graph) Components() []int {
	c := &components{graph: g, index: make([]int, g.Len()), low: make([]int, g.Len()), of: make([]int, g.Len())}
	for v := range g.Len() {
		c.of[v] = -1
	}
	for v := range g.Len() {
		if c.index[v] == 0 {
			c.visit(v)
		}
	}
	return c.of
}

// components is the search for them. Its depth is at most the number of vertices, which Go's growing stacks allow.
type components struct {
	graph      *Graph
	index, low []int // 0: not visited
	of         []int // -1: not known
	stack      []int
	visited    int
	found      int
}

func (c *components) visit(v int) {
	c.visited++
	c.index[v], c.low[v] = c.visited, c.visited
	c.stack = append(c.stack, v)
	for _, b := range c.graph.before[v] {
		if c.index[b] == 0 {
			c.visit(b)
		}
		if c.of[b] < 0 {
			c.low[v] = min(c.low[v], c.low[b])
		}
	}
	if c.low[v] < c.index[v] {
		return
	}
	for c.of[v] < 0 {
		top := c.stack[len(c.stack)-1]
		c.stack = c.stack[:len(c.stack)-1]
		c.of[top] = c.found
	}
	c.found++
}

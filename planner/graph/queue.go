package graph

import "container/heap"

// queue gives back the smallest number first, so that walks and orders are the same each time.
type queue []int

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i] < q[j] }
func (q queue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any)        { *q = append(*q, x.(int)) }

func (q *queue) Pop() any {
	last := (*q)[len(*q)-1]
	*q = (*q)[:len(*q)-1]
	return last
}

func (q *queue) push(v int) { heap.Push(q, v) }
func (q *queue) pop() int   { return heap.Pop(q).(int) }

package s3

import "sync"

const side = 8 // requests of one caller at a time

// parallel does work for each item, several at a time, and waits for all.
func parallel[T any](items []T, work func(T)) {
	var group sync.WaitGroup
	slots := make(chan struct{}, side)
	for _, item := range items {
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			work(item)
		})
	}
	group.Wait()
}

package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

const (
	answerTime = 60 * time.Second
	maxBody    = 4 << 20
)

// answer is what a server sent. Body is good until the next request.
type answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// client is one kept connection. It writes requests and reads answers without
// goroutines or pools: what it costs itself would hide differences of servers.
type client struct {
	addr string
	tail []byte // of every request, from " HTTP/1.1" on
	conn net.Conn
	in   *bufio.Reader
	out  []byte
	body []byte
}

// newClient is a client of the server at base; cookie "" sends none.
func newClient(base *url.URL, cookie string) *client {
	tail := " HTTP/1.1\r\nHost: " + base.Host + "\r\nUser-Agent: tessera-tiles\r\nAccept: image/*,*/*\r\n"
	if cookie != "" {
		tail += "Cookie: " + cookie + "\r\n"
	}
	return &client{addr: base.Host, tail: []byte(tail + "\r\n")}
}

func (c *client) close() {
	if c.conn != nil {
		_ = c.conn.Close()
		c.conn = nil
	}
}

func (c *client) dial(ctx context.Context) error {
	conn, err := (&net.Dialer{Timeout: answerTime}).DialContext(ctx, "tcp", c.addr)
	if err != nil {
		return err
	}
	c.conn, c.in = conn, bufio.NewReaderSize(conn, 32<<10)
	return nil
}

// get asks for a path with its query, connecting where there is no connection.
func (c *client) get(ctx context.Context, path string) (answer, error) {
	if c.conn == nil {
		if err := c.dial(ctx); err != nil {
			return answer{}, err
		}
	}
	a, keep, err := c.exchange(path)
	if err != nil || !keep {
		c.close()
	}
	if err != nil {
		return answer{}, fmt.Errorf("GET http://%s%s: %w", c.addr, path, err)
	}
	return a, nil
}

func (c *client) exchange(path string) (a answer, keep bool, err error) {
	if err := c.conn.SetDeadline(time.Now().Add(answerTime)); err != nil {
		return a, false, err
	}
	c.out = append(append(append(c.out[:0], "GET "...), path...), c.tail...)
	if _, err := c.conn.Write(c.out); err != nil {
		return a, false, err
	}
	resp, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return a, false, err
	}
	defer func() { _ = resp.Body.Close() }()
	if err := c.read(resp.Body); err != nil {
		return a, false, err
	}
	return answer{resp.StatusCode, resp.Header, c.body}, !resp.Close, nil
}

// read fills body, whose memory is kept from one answer to the next.
func (c *client) read(r io.Reader) error {
	c.body = c.body[:0]
	for {
		if len(c.body) == cap(c.body) {
			c.body = append(c.body, 0)[:len(c.body)]
		}
		n, err := r.Read(c.body[len(c.body):cap(c.body)])
		c.body = c.body[:len(c.body)+n]
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if len(c.body) > maxBody {
			return fmt.Errorf("the answer is larger than %d bytes", maxBody)
		}
	}
}

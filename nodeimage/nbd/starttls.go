package nbd

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/pojntfx/go-nbd/pkg/protocol"
)

// errInjected is the error for bytes that lie ready in the clear where TLS should begin: somebody between the two could have put them
// there, to be taken for what the other end says under TLS.
var errInjected = errors.New("bytes in the clear follow where TLS should begin")

// bulk returns config for connections that carry much: full records from the first byte on. Who does not like it that
// the first block is decrypted as late as 16 KiB have come would not use a block device.
func bulk(config *tls.Config) *tls.Config {
	config = config.Clone()
	config.DynamicRecordSizingDisabled = true
	return config
}

// startTLS answers STARTTLS. Whatever was agreed on in the clear is forgotten.
func (n *negotiation) startTLS(ctx context.Context, payload []byte) error {
	const id = optionStartTLS
	switch {
	case n.tls == nil:
		return n.reply(id, protocol.NEGOTIATION_TYPE_REPLY_ERR_UNSUPPORTED, nil)
	case n.encrypted || len(payload) > 0:
		return n.reply(id, replyErrInvalid, []byte("TLS is asked for once, without payload"))
	case n.r.Buffered() > 0:
		return errInjected
	}
	if err := n.reply(id, replyACK, nil); err != nil {
		return err
	}
	conn := tls.Server(n.conn, bulk(n.tls))
	if err := conn.HandshakeContext(ctx); err != nil {
		return fmt.Errorf("TLS: %w", err)
	}
	n.conn, n.r, n.encrypted, n.replies, n.heldOf = conn, newReader(conn), true, replies{}, ""
	return nil
}

// startTLS asks the server for TLS, behind what is to be said before, and returns the connection under it.
func startTLS(ctx context.Context, conn net.Conn, r *bufio.Reader, before []byte, config *tls.Config) (net.Conn, error) {
	if _, err := conn.Write(appendOption(before, optionStartTLS, nil)); err != nil {
		return nil, err
	}
	var header [optionReplySize]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return nil, fmt.Errorf("no reply: %w", err)
	}
	reply, err := parseOptionReply(header[:])
	if err != nil {
		return nil, err
	}
	if reply.id != optionStartTLS || reply.kind != replyACK || reply.length > 0 {
		return nil, fmt.Errorf("the server has no TLS (reply %#x)", reply.kind)
	}
	if r.Buffered() > 0 {
		return nil, errInjected
	}
	encrypted := tls.Client(conn, bulk(config))
	if err := encrypted.HandshakeContext(ctx); err != nil {
		return nil, fmt.Errorf("TLS: %w", err)
	}
	return encrypted, nil
}

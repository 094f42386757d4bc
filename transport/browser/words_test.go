package browser_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/transport"
)

// The messages between a test in the browser and its host: an operation, a
// number that its answer repeats, a lane or a code, and what it is about.
//
//	u  host: the URL to dial and the certificate's hash
//	o  browser: dialed; s Send; c Close; v Vanish; R Receive, after which the host
//	   sends datagrams back
//	i  host: the Info of its carrier, before the answer to o
//	r  host: the answer, an error
//	d  host: deliver; a the browser's answer
func encode(op byte, id uint32, lane int, payload []byte) []byte {
	b := append(make([]byte, 0, 9+len(payload)), op)
	b = binary.BigEndian.AppendUint32(b, id)
	b = binary.BigEndian.AppendUint32(b, uint32(int32(lane)))
	return append(b, payload...)
}

func decode(b []byte) (op byte, id uint32, lane int, payload []byte, err error) {
	if len(b) < 9 {
		return 0, 0, 0, nil, errors.New("message of a test is too short")
	}
	return b[0], binary.BigEndian.Uint32(b[1:]), int(int32(binary.BigEndian.Uint32(b[5:]))), b[9:], nil
}

// errAtHome is an error of deliver that decodeError knows nothing of.
var errAtHome = errors.New("deliver has failed")

// decodeError returns the error that was written down.
func decodeError(b []byte) error {
	kind, text, _ := strings.Cut(string(b), " ")
	switch kind {
	case "":
		return nil
	case "afar":
		return errAtHome
	case "lane":
		return transport.ErrLane
	case "batch":
		return transport.ErrBatch
	case "late":
		return os.ErrDeadlineExceeded
	case "closed":
		e := new(transport.CloseError)
		var code int
		if _, err := fmt.Sscanf(text, "%t %d", &e.Remote, &code); err != nil {
			return err
		}
		e.Code = twinwire.Code(code)
		e.Reason = strings.SplitN(text, " ", 3)[2]
		return e
	}
	return errors.New(text)
}

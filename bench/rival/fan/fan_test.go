package fan

import (
	"errors"
	"testing"
	"testing/synctest"

	"github.com/twinwire/twinwire/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// A publisher waits for the slowest subscriber, and for no one who has left.
func TestPublishWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f Fan
		slow, quick := f.Subscribe(), f.Subscribe()
		published := 0
		ended := make(chan error, 1)
		go func() { // ends with the fan
			for {
				if err := f.Publish([]byte{byte(published)}); err != nil {
					ended <- err
					return
				}
				published++
			}
		}()
		synctest.Wait()
		if published != queue {
			t.Fatalf("%d published while nobody reads, want %d", published, queue)
		}
		for i := range queue {
			if got := <-quick.Events; got[0] != byte(i) {
				t.Fatalf("event %d for event %d", got[0], i)
			}
		}
		synctest.Wait()
		if published != queue {
			t.Errorf("%d published while one does not read, want %d", published, queue)
		}
		slow.Leave()
		synctest.Wait()
		if published < 2*queue {
			t.Errorf("%d published after it has left, want %d at least", published, 2*queue)
		}
		f.Close()
		synctest.Wait()
		if err := <-ended; !errors.Is(err, ErrClosed) {
			t.Errorf("publish: %v, want %v", err, ErrClosed)
		}
		<-f.Subscribe().Done // which is too late
	})
}

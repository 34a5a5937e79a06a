package verify

import (
	"encoding/json"
	"sync"

	"viver/planner/apply"
	"viver/planner/state"
)

// memory is a state that ends with its test. It refuses what a state on a disk would refuse.
type memory struct {
	mu    sync.Mutex
	state *state.State // guarded by mu
}

var _ apply.Store = (*memory)(nil)

func newMemory() *memory { return &memory{state: state.New("test", state.NewKey())} }

func (m *memory) State() *state.State {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.state.Clone()
}

func (m *memory) Instance(address string) *state.Instance {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.state.Instance(address)
}

func (m *memory) Append(changes ...state.Change) error {
	for _, c := range changes {
		if c.Put != nil {
			if _, err := json.Marshal(c.Put); err != nil {
				return err
			}
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range changes {
		m.state.Apply(c)
	}
	return nil
}

func (m *memory) Replace(next *state.State) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	serial := max(m.state.Serial, next.Serial) + 1
	m.state = next.Clone()
	m.state.Serial = serial
	return nil
}

// unprotect lets everything be destroyed at the end of a test.
func (m *memory) unprotect() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for at, i := range m.state.Instances {
		if i.Protect {
			free := *i
			free.Protect = false
			m.state.Instances[at] = &free
		}
	}
}

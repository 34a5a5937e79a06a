package agent

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/google/renameio/v2"

	"viver/nodeimage/passport"
	"viver/nodeimage/spec"
)

// sealKit adds keys and the tag to a kit, and returns it as it goes over the network: in limit bytes at most.
func sealKit(k *spec.Kit, keys spec.ServerKeys, limit int) (*spec.Kit, []byte, error) {
	k.Keys, k.Tag = keys, ""
	data, err := json.Marshal(k)
	if err == nil {
		k.Tag = string(spec.DigestOf(data))
		data, err = json.Marshal(k)
	}
	if err == nil && len(data) > limit {
		err = fmt.Errorf("it has %d bytes, more than %d: the steps of the nodes are too many or carry large files", len(data), limit)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("agent: a kit for deputies: %w", err)
	}
	return k, data, nil
}

// office is what a deputy admits machines with, beside its roster. It does not change.
type office struct {
	tag    string
	keys   spec.ServerKeys
	cert   tls.Certificate
	issuer *passport.Issuer // nil: passports cannot be signed
}

func newOffice(cluster string, k *spec.Kit) (*office, error) {
	o := &office{tag: k.Tag, keys: k.Keys}
	var err error
	o.cert, o.issuer, err = readKeys(cluster, k.Keys)
	return o, err
}

// loadOffice reads the file that an agent before this one has written; nil if there is none.
func loadOffice(path, cluster string) (*office, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("agent: a deputy's kit: %w", err)
	}
	var k spec.Kit
	if err := spec.Decode(data, &k); err != nil {
		return nil, fmt.Errorf("agent: a deputy's kit: %s: %w", path, err)
	}
	return newOffice(cluster, &k)
}

// save writes tag and keys into a file in RAM, which only root can read. The rest of the kit is in the roster's file.
func (o *office) save(path string) error {
	data, err := json.Marshal(spec.Kit{Tag: o.tag, Keys: o.keys})
	if err == nil {
		err = renameio.WriteFile(path, data, 0o600)
	}
	if err != nil {
		return fmt.Errorf("agent: keep a deputy's kit: %w", err)
	}
	return nil
}

// take puts a kit in the place of the former one.
func (d *deputy) take(k *spec.Kit) error {
	o, err := newOffice(d.cluster, k)
	if err != nil {
		return err
	}
	if err := d.roster.Use(k); err != nil {
		return err
	}
	if d.desk() == nil {
		d.log.Info("this machine can stand in for a server", "server", k.Keys.Server)
	}
	d.put(o)
	return o.save(d.path)
}

// drop forgets all that only deputies may know.
func (d *deputy) drop(why string) {
	if d.desk() == nil {
		return
	}
	d.admit(false)
	d.close()
	d.put(nil)
	err := os.Remove(d.path)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err = errors.Join(err, d.roster.Use(new(spec.Kit))); err != nil {
		d.complain(err)
	}
	d.log.Info("this machine is no deputy: " + why)
}

// desk returns the office, nil if there is none.
func (d *deputy) desk() *office {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.office
}

// tag returns that of the kit, "" if there is none.
func (d *deputy) tag() string {
	if o := d.desk(); o != nil {
		return o.tag
	}
	return ""
}

func (d *deputy) put(o *office) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.office = o
}

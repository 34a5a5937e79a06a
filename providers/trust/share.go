package trust

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"
)

// ErrOther says that a folder has the authority of another cluster.
var ErrOther = errors.New("it is the authority of another cluster")

// Export returns the files of the authority in dir, for those who share it; nil where there is none. Whoever has them owns the cluster.
func Export(dir string) ([]byte, error) {
	if _, err := Load(dir); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	files := map[string]string{}
	for _, name := range []string{publicFile, certFile, keyFile} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return nil, fmt.Errorf("trust: share the cluster's authority: %w", err)
		}
		files[name] = string(data)
	}
	return json.Marshal(files)
}

// Import makes dir the folder of an exported authority. Where there is another one already the error is ErrOther, and nothing is changed.
func Import(dir string, exported []byte) error {
	have, err := Export(dir)
	if err != nil {
		return err
	}
	if have != nil {
		if string(have) != string(exported) {
			return fmt.Errorf("trust: %s: %w: move it away if its machines are gone", dir, ErrOther)
		}
		return nil
	}
	var files map[string]string
	if err := json.Unmarshal(exported, &files); err != nil || files[keyFile] == "" || files[certFile] == "" || files[publicFile] == "" {
		return fmt.Errorf("trust: what is shared is no authority of a cluster (%v)", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("trust: make the folder of the cluster's authority: %w", err)
	}
	for _, f := range []struct {
		name string
		mode os.FileMode
	}{{publicFile, 0o644}, {certFile, 0o644}, {keyFile, 0o600}} {
		if err := renameio.WriteFile(filepath.Join(dir, f.name), []byte(files[f.name]), f.mode, renameio.IgnoreUmask()); err != nil {
			return fmt.Errorf("trust: keep the cluster's authority: %w", err)
		}
	}
	_, err = Load(dir)
	return err
}

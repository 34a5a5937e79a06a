package step

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// User is an account in /etc/passwd. Undo removes it, or puts one back that was there; a home folder that holds anything of its user's
// stays.
type User struct {
	Name         string   `json:"name" required:"true" replaces:"true" doc:"Name to log in with."`
	UID          *int64   `json:"uid,omitempty" doc:"Number; unset: the first that is free. Where machines share files it must be the same on all."`
	Group        string   `json:"group,omitempty" doc:"Primary group, by name or number; unset: one with the user's name, which is made if it is not there."`
	Groups       []string `json:"groups,omitempty" doc:"Further groups that the user is in. Others stay as they are."`
	Home         string   `json:"home,omitempty" doc:"Home folder; unset: /home/NAME."`
	Shell        string   `json:"shell,omitempty" doc:"Shell; unset: /bin/bash where there is one, else /bin/sh; for a system user one that lets nobody in."`
	PasswordHash string   `json:"password_hash,omitempty" sensitive:"true" doc:"Hash of the password, as crypt(5) has it; \"*\": none fits, so only keys let the user in, as with a new user when it is unset; \"!\": the account is locked."`
	CreateHome   *bool    `json:"create_home,omitempty" doc:"Whether the home folder is made, from /etc/skel; unset: it is, but not for a system user."`
	System       *bool    `json:"system,omitempty" doc:"Whether the account is a service's: its number is below 1000."`
}

// maxID is the largest number of a user or group: one more means "none" to the kernel.
const maxID = 1<<32 - 2

var (
	account = regexp.MustCompile(`^[a-z_][A-Za-z0-9_.-]{0,30}\$?$`)
	// A hash of crypt(5), or a lock: anything else would be a password in clear text.
	cryptHash = regexp.MustCompile(`^(!!?|\*|!?\$[0-9a-z]+\$[!-9;-~]+)$`)
)

// Validate implements Config.
func (u *User) Validate() error {
	if !account.MatchString(u.Name) {
		return fmt.Errorf("%q is no name of a user: want lower-case letters and digits, 32 at most", u.Name)
	}
	for _, group := range append([]string{u.Group}, u.Groups...) {
		if group != "" && !accountName.MatchString(group) {
			return fmt.Errorf("%q is no name of a group", group)
		}
	}
	if u.PasswordHash != "" && !cryptHash.MatchString(u.PasswordHash) {
		return errors.New("password_hash is no hash of crypt(5): make one with `openssl passwd -6`")
	}
	return errors.Join(checkID("uid", u.UID), checkField("home", u.Home), checkField("shell", u.Shell))
}

func checkID(argument string, id *int64) error {
	if id != nil && (*id < 0 || *id > maxID) {
		return fmt.Errorf("%s %d: want 0 to %d", argument, *id, int64(maxID))
	}
	return nil
}

// checkField checks a path that is to stand in /etc/passwd; empty: it is not set.
func checkField(argument, name string) error {
	if name == "" || name == "/" {
		return nil
	}
	if strings.Contains(name, ":") {
		return fmt.Errorf("%s %q has a colon in it", argument, name)
	}
	return checkPath(argument, name)
}

func (u *User) arguments() []argument {
	return []argument{
		{"name", u.Name},
		{"uid", number(u.UID)},
		{"group", u.Group},
		{"groups", strings.Join(u.Groups, " ")},
		{"place", u.Home},
		{"shell", u.Shell},
		{"hash", u.PasswordHash},
		{"create_home", optional(u.CreateHome)},
		{"system", flagWord(u.System != nil && *u.System)},
	}
}

// Group is a group in /etc/group. Undo removes it, or gives it back the number that it had.
type Group struct {
	Name   string `json:"name" required:"true" replaces:"true" doc:"Its name."`
	GID    *int64 `json:"gid,omitempty" doc:"Number; unset: the first that is free."`
	System *bool  `json:"system,omitempty" doc:"Whether it is a service's: its number is below 1000."`
}

// Validate implements Config.
func (g *Group) Validate() error {
	if !account.MatchString(g.Name) {
		return fmt.Errorf("%q is no name of a group: want lower-case letters and digits, 32 at most", g.Name)
	}
	return checkID("gid", g.GID)
}

func (g *Group) arguments() []argument {
	return []argument{{"name", g.Name}, {"gid", number(g.GID)}, {"system", flagWord(g.System != nil && *g.System)}}
}

// number is the shell's word for a number that may be absent.
func number(n *int64) string {
	if n == nil {
		return ""
	}
	return strconv.FormatInt(*n, 10)
}

# viver: `make demo` shows the main path, `make test` checks everything. Both install the Debian packages that they need.
SHELL       := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.ONESHELL:
.PHONY: demo test unit e2e build man bench bench-planner bench-field bench-pacs lint tools peers fuzz clean

SUDO     := $(if $(filter 0,$(shell id -u)),,sudo --preserve-env=PATH,HOME,CI,VIVER_CACHE)
GO_TEST  := go test $(if $(SUDO),-exec "$(SUDO)")

# What viver itself and its virtual machines need, and what its tests and benchmarks compare it with. Some of the latter are servers, which
# Debian starts when it installs them.
PACKAGES := qemu-system-x86 ovmf ipxe iproute2 mmdebstrap squashfs-tools
PEERS    := nbdkit nbd-client nbd-server libnbd-bin qemu-utils tftp-hpa curl isc-dhcp-client udhcpc busybox-static avahi-daemon avahi-utils dbus zstd cpio dnsmasq-base grub-pc-bin grub-common e2fsprogs fdisk openssh-client openssh-server etcd-server

demo: tools build ## four virtual machines boot from one image, take their steps and power off
	$(SUDO) go run ./testing/demo

test: peers lint unit e2e ## everything

unit: build
	$(GO_TEST) -timeout 20m $$(go list ./... | grep -v /testing/e2e)

e2e: build ## real machines, one test at a time
	$(GO_TEST) -timeout 75m -p 1 -v ./testing/e2e/...

build:
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o bin/ ./cmd/viver ./cmd/viver-node

man: build ## man pages, in out/man
	bin/viver man out/man

bench: peers build ## figures beside peers, in out/bench
	mkdir -p out/bench
	go run ./testing/bench/nbd
	$(SUDO) go run ./testing/bench/boot
	go run ./testing/bench/planner

bench-planner: build ## viver plan beside OpenTofu, in out/bench/planner.json
	go run ./testing/bench/planner

bench-field: peers ## the shared root beside nbdkit, in out/bench/field.json and docs/field.md; FIELD_FLAGS says more
	mkdir -p out/bench
	$(SUDO) go run ./testing/bench/field $(FIELD_FLAGS)
	go run ./testing/bench/field -docs docs

bench-pacs: peers build ## a classroom from apply to the last login, in out/bench/pacs.json and docs/classroom.md
	mkdir -p out/bench
	$(SUDO) go run ./testing/bench/pacs
	go run ./testing/bench/pacs -docs docs

lint:
	test -z "$$(go tool gofumpt -l . | tee /dev/stderr)" || { echo 'not formatted: go tool gofumpt -w .'; exit 1; }
	go vet ./...
	go tool staticcheck ./...

fuzz: ## each fuzz test for a while
	for package in $$(go list ./...); do
		for name in $$(go test -list '^Fuzz' $$package | grep '^Fuzz' || true); do
			go test -run '^$$' -fuzz "^$$name\$$" -fuzztime 20s $$package
		done
	done

tools: ## the Debian packages of a demo
	$(call install,$(PACKAGES))
	command -v go >/dev/null || { echo 'viver is built with Go 1.26 or later, and there is no go in the PATH'; exit 1; }

peers: tools ## and of the tests
	$(call install,$(PEERS))

define install
@missing=
for package in $(1); do
	dpkg-query -W -f '$${db:Status-Status}' $$package 2>/dev/null | grep -qx installed || missing="$$missing $$package"
done
if [ -n "$$missing" ]; then
	root=; [ "$$(id -u)" = 0 ] || root=sudo
	$$root apt-get update -q
	DEBIAN_FRONTEND=noninteractive $$root apt-get install -yq --no-install-recommends $$missing
fi
endef

clean:
	rm -rf bin out

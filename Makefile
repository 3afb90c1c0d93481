# calsync: GNU make 4, gcc or clang. Everything generated lies under build/.
#
#   make                          release build: build/calsync, build/calsync-sandbox
#   make demo [EVENTS='FILE...']  a whole life of a calendar against the sandbox
#   make check [T=NAME]           every test that needs no network; T: only tests/bats/NAME.bats
#   make check-sim                random histories of syncs: tests/sim, 10,000 of them from a fixed seed,
#                                 and those of seeds that failed once (tests/sim/kept.txt)
#   make sim SEED=N               one of them, with all that happens in it
#   make sim-long N=... [SEED=N]  any number of them
#   make check-crash [S=TEXT]     kill -9 at every effect; S: only scenarios whose name holds TEXT;
#                                 CRASH=all: every kill point of the long ones, too
#   make check-merge              the merge on a million random cases (MERGE_CASES, MERGE_SEED)
#   make check-mutants            planted faults, each of which some test must notice
#   make check-webhook            the receiver in a storm of notifications and kill -9, and among
#                                 clients that mean no good (MESSAGES, KILLS)
#   make check-sandbox            the sandbox alone, also driven by Google's own Node.js client (npm)
#   make check-browser            the login with a real Chromium; screenshots in build/browser
#   make check-units              the systemd units: verify, exposure, times (part of .ci/run)
#   make check-boot               the systemd units in a booted Debian: root, debootstrap, systemd-nspawn
#   make check-fixtures FIXTURES=DIR    tests on a folder of real calendar data
#   make lint layers              static checks; make fmt settles the formatting
#   make bench                    times and memory, as ratios
#   make install PREFIX=/usr DESTDIR=...
#
# DEVELOPER=1 makes warnings errors, SANITIZE=address,undefined builds in build/san,
# CC=clang BUILD=build/clang keeps two compilers apart, V=1 shows the commands.

PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
DATADIR ?= $(PREFIX)/share
MANDIR ?= $(DATADIR)/man
SBINDIR ?= $(PREFIX)/sbin
# Below it systemd/system, systemd/user, sysusers.d and tmpfiles.d.
SYSTEMDLIB ?= $(PREFIX)/lib
BUILD ?= build
V ?= 0
Q := $(if $(filter 1,$(V)),,@)

# All processors, unless -j says otherwise (-j1 is one job).
ifeq ($(MAKELEVEL)$(filter -j%,$(MAKEFLAGS)),0)
MAKEFLAGS += -j$(shell nproc 2>/dev/null || echo 2)
endif

VERSION := 0.1.0

PKGS := json-c sqlite3 smartcols inih libcrypto
# Headers alone: these are loaded when they are needed.
LOADED_PKGS := libsecret-1
SANDBOX_PKGS := json-c libmicrohttpd libical libcrypto zlib
TEST_PKGS := cmocka libssl

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
	-Wwrite-strings -Wformat=2 -Wundef
# Fixed buffers that cut short on purpose (struct err) would warn; clang has no such warning.
WARN += $(if $(findstring clang,$(CC)),,-Wno-format-truncation)
CFLAGS ?= -O2 -g
HARDEN := -fstack-protector-strong -fstack-clash-protection -fcf-protection -fPIE
HARDEN_LD := -pie -Wl,-z,relro,-z,now,-z,noexecstack
ifdef SANITIZE
CFLAGS := -O1 -g
HARDEN := -fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer -fPIE
HARDEN_LD := -fsanitize=$(SANITIZE) -pie
BUILD := $(BUILD)/san
else
HARDEN += -D_FORTIFY_SOURCE=2
endif
ifdef DEVELOPER
WARN += -Werror
endif
BASE_CFLAGS := -std=gnu17 $(WARN) -D_GNU_SOURCE -DCALSYNC_VERSION='"$(VERSION)"' -Isrc -I$(BUILD)/gen
ALL_CFLAGS := $(BASE_CFLAGS) $(CFLAGS) $(HARDEN) -MMD -MP
ALL_LDFLAGS := $(CFLAGS) $(HARDEN) $(HARDEN_LD) -Wl,--as-needed $(LDFLAGS)

# pkg-config is asked once for each list, and only by a target that needs the answer.
once = $(eval $(1) := $$(call pkg,$(2)))$($(1))
pkg = $(shell pkg-config $(1) || echo '; echo "pkg-config failed, try: sh contrib/setup.sh"; false')
CFLAGS_PKG = $(call once,CFLAGS_PKG,--cflags $(PKGS) $(SANDBOX_PKGS) $(LOADED_PKGS))
LIBS_CALSYNC = $(call once,LIBS_CALSYNC,--libs $(PKGS))
LIBS_SANDBOX = $(call once,LIBS_SANDBOX,--libs $(SANDBOX_PKGS) libcurl)
LIBS_UNIT = $(call once,LIBS_UNIT,--libs $(PKGS) $(SANDBOX_PKGS) $(TEST_PKGS))
LIBS_CRASH = $(call once,LIBS_CRASH,--libs $(SANDBOX_PKGS) sqlite3)
LIBS_BENCH = $(call once,LIBS_BENCH,--libs sqlite3)
LIBS_WEBHOOK = $(call once,LIBS_WEBHOOK,--libs $(PKGS) libmicrohttpd)

LIB_SRC := $(wildcard src/base/*.c src/model/*.c src/secret/*.c src/store/*.c src/ical/*.c \
	src/google/*.c src/sync/*.c src/web/*.c)
CMD_SRC := $(wildcard src/cmd/*.c) $(wildcard src/main.c)
# The HTTP front door; the rest does no I/O and also links into the tests.
SANDBOX_SRC := $(addprefix tests/fake_google/,main.c server.c deliver.c)
FG_SRC := $(filter-out $(SANDBOX_SRC),$(wildcard tests/fake_google/*.c))
UNIT_SRC := $(wildcard tests/unit/test_*.c)
# Each reads calendar data of others below $FIXTURES and prints TAP.
FIXTURES_SRC := $(wildcard tests/unit/fixtures_*.c)
BENCH_SRC := $(wildcard tests/bench/*.c)
# Clients of the webhook; wire.c is what they share.
WEBHOOK_SRC := $(wildcard tests/webhook/*.c)
SIM_SRC := $(wildcard tests/sim/*.c)
# kill.so goes into the calsync that is killed; the rest is the program that does it.
CRASH_KILL_SRC := tests/crash/kill.c tests/crash/start.c
CRASH_SRC := $(filter-out $(CRASH_KILL_SRC),$(wildcard tests/crash/*.c))
ALL_SRC := $(LIB_SRC) $(CMD_SRC) $(FG_SRC) $(SANDBOX_SRC) $(UNIT_SRC) $(FIXTURES_SRC) $(BENCH_SRC) \
	$(SIM_SRC) $(CRASH_SRC) $(CRASH_KILL_SRC) $(WEBHOOK_SRC)

obj = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
LIB_OBJ := $(call obj,$(LIB_SRC))
CMD_OBJ := $(call obj,$(CMD_SRC))
FG_OBJ := $(call obj,$(FG_SRC))
UNIT_BIN := $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(UNIT_SRC))
FIXTURES_BIN := $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(FIXTURES_SRC))
SANDBOX_UNIT_BIN := $(filter $(BUILD)/unit/test_fg%,$(UNIT_BIN))
BENCH_BIN := $(patsubst tests/bench/%.c,$(BUILD)/bench/%,$(BENCH_SRC))
WEBHOOK_BIN := $(patsubst tests/webhook/%.c,$(BUILD)/webhook/%,$(filter-out %/wire.c,$(WEBHOOK_SRC)))

.PHONY: all check check-unit check-bats check-crash check-sandbox check-conformance check-fixtures demo bench \
	fmt lint lint-format lint-tidy lint-cppcheck lint-sh lint-man layers \
	install uninstall clean FORCE
.DELETE_ON_ERROR:
.SECONDARY:

all: $(BUILD)/calsync $(BUILD)/calsync-sandbox

# Thin archives: a program gets only the objects that it needs.
$(BUILD)/libcalsync.a: $(LIB_OBJ)
$(BUILD)/libgoogle.a: $(FG_OBJ)
# Commands, for tests of what is pure in them.
$(BUILD)/libcmd.a: $(filter-out $(BUILD)/obj/src/main.o,$(CMD_OBJ))
$(BUILD)/%.a:
	$(Q)rm -f $@ && ar rcsT $@ $^

$(BUILD)/calsync: $(CMD_OBJ) $(BUILD)/libcalsync.a
	@echo "LD $@"
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS_CALSYNC) -ldl

$(BUILD)/calsync-sandbox: $(call obj,$(SANDBOX_SRC)) $(BUILD)/libgoogle.a $(BUILD)/libcalsync.a
	@echo "LD $@"
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS_SANDBOX)

$(BUILD)/unit/%: $(BUILD)/obj/tests/unit/%.o $(BUILD)/libcmd.a $(BUILD)/libgoogle.a $(BUILD)/libcalsync.a
	@mkdir -p $(@D)
	@echo "LD $@"
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS_UNIT) -ldl

# Counts what the planner decides.
$(BUILD)/sim/sim: $(call obj,$(SIM_SRC)) $(BUILD)/libgoogle.a $(BUILD)/libcalsync.a
	@mkdir -p $(@D)
	@echo "LD $@"
	$(Q)$(CC) $(ALL_LDFLAGS) -Wl,--wrap=plan_event -o $@ $^ $(LIBS_UNIT) -ldl

$(BUILD)/bench/%: $(BUILD)/obj/tests/bench/%.o
	@mkdir -p $(@D)
	@echo "LD $@"
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS_BENCH)

$(BUILD)/webhook/%: $(BUILD)/obj/tests/webhook/%.o $(BUILD)/obj/tests/webhook/wire.o $(BUILD)/libcalsync.a
	@mkdir -p $(@D)
	@echo "LD $@"
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS_WEBHOOK)

$(BUILD)/crash/crash: $(call obj,$(CRASH_SRC) tests/fake_google/server.c) $(BUILD)/libgoogle.a \
		$(BUILD)/libcalsync.a
	@mkdir -p $(@D)
	@echo "LD $@"
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS_CRASH)

# Without a sanitizer: it comes before everything else that is loaded.
$(BUILD)/crash/kill.so: $(CRASH_KILL_SRC) tests/crash/kill.h tests/crash/page.h $(BUILD)/cflags
	@mkdir -p $(@D)
	@echo "LD $@"
	$(Q)$(CC) $(BASE_CFLAGS) -O2 -g -fPIC -shared -o $@ $(CRASH_KILL_SRC)

$(BUILD)/obj/%.o: %.c $(BUILD)/cflags
	@mkdir -p $(@D)
	@echo "CC $<"
	$(Q)$(CC) $(ALL_CFLAGS) $(CFLAGS_PKG) -c -o $@ $<

# Objects of another compiler or other flags are not taken over. Warnings do not change objects.
COMPILER := $(CC) $(filter-out $(WARN),$(ALL_CFLAGS))
$(BUILD)/cflags: FORCE
	@mkdir -p $(@D)
	@echo '$(subst ','\'',$(COMPILER))' | cmp -s - $@ || echo '$(subst ','\'',$(COMPILER))' >$@

# --- tests --------------------------------------------------------------------------------

# What bats, the demo and the benchmarks run is told by the environment.
export CALSYNC_BUILD := $(abspath $(BUILD))
SUITE := sh tests/run-suite.sh
T ?= *

# The whole of it off the network: ends with "N passed, N failed" for all suites together.
check: all $(UNIT_BIN)
	$(Q)MAKE='$(MAKE)' sh tests/check.sh $(if $(filter-out *,$(T)),,unit sim) bats

check-unit: $(UNIT_BIN)
	$(Q)$(SUITE) unit $(UNIT_BIN)

# 10,000 histories take the optimised build; with sanitizers some of them are run as well.
SIM_SOME ?= 400
ifdef SANITIZE
check-sim: $(BUILD)/sim/sim
	$(Q)$< --count $(SIM_SOME) --brief 1 >/dev/null || { echo "sim: 0 passed, 1 failed"; false; }
	$(Q)$(MAKE) --no-print-directory SANITIZE= BUILD=$(patsubst %/san,%,$(BUILD)) check-sim
else
check-sim: $(BUILD)/sim/sim
	$(Q)$(SUITE) sim tests/sim/check.sh
endif

.PHONY: sim sim-long check-sim
N ?= 100000
SEED ?= 1
sim: $(BUILD)/sim/sim
	$(Q)$< --replay $(SEED)

sim-long: $(BUILD)/sim/sim
	$(Q)$< --seed $(SEED) --count $(N)

# The merge's promises on more random events than `check` has time for: a million merges and more.
MERGE_CASES ?= 130000
.PHONY: check-merge
check-merge: $(BUILD)/unit/test_merge
	$(Q)MERGE_CASES=$(MERGE_CASES) $(SUITE) merge $<

.PHONY: check-mutants
check-mutants:
	$(Q)$(SUITE) mutants tests/mutants/run.sh

check-bats: all
	$(Q)$(SUITE) bats $(wildcard $(T:%=tests/bats/%.bats))

# The calsync program as it is built, killed at every effect; see tests/crash/main.c.
S ?=
check-crash: all $(BUILD)/crash/crash $(BUILD)/crash/kill.so
	$(Q)$(BUILD)/crash/crash $(if $(filter all,$(CRASH)),-a) -s '$(S)' $(sort $(wildcard tests/crash/*.txt))

# Google's own Node.js client needs the npm registry (or its cache) once.
check-conformance: $(BUILD)/calsync-sandbox tests/conformance/node_modules/.stamp
	$(Q)$(SUITE) conformance $(wildcard tests/conformance/*.mjs)

tests/conformance/node_modules/.stamp: tests/conformance/package.json tests/conformance/package-lock.json
	cd tests/conformance && npm ci --ignore-scripts --no-audit --no-fund
	@touch $@

check-sandbox: $(SANDBOX_UNIT_BIN) $(BUILD)/calsync-sandbox
	$(Q)MAKE='$(MAKE)' sh tests/check.sh sandbox-unit conformance

.PHONY: check-sandbox-unit
check-sandbox-unit: $(SANDBOX_UNIT_BIN)
	$(Q)$(SUITE) sandbox-unit $(SANDBOX_UNIT_BIN)

# Chromium without a window, steered by Node.js, no package needed.
.PHONY: check-browser
check-browser: all
	@command -v chromium >/dev/null || { echo "no chromium here: sh contrib/setup.sh" >&2; exit 2; }
	$(Q)$(SUITE) browser $(wildcard tests/browser/*.mjs)

.PHONY: check-units check-boot
check-units: all
	$(Q)$(SUITE) units tests/units.sh

check-boot: all
	$(Q)$(SUITE) boot tests/boot.sh

check-fixtures: all $(UNIT_BIN) $(FIXTURES_BIN)
	@test -d "$(FIXTURES)" || { echo "make check-fixtures FIXTURES=DIR: which folder?" >&2; exit 2; }
	$(Q)FIXTURES='$(abspath $(FIXTURES))' $(SUITE) fixtures $(FIXTURES_BIN) \
		$(wildcard tests/fixtures/*.bats tests/fixtures/*.sh)

demo: all
	$(Q)bash contrib/demo.sh $(EVENTS)

# The receiver under 100,000 notifications and 100 kills (MESSAGES, KILLS), and hostile clients.
MESSAGES ?= 100000
KILLS ?= 100
.PHONY: check-webhook
check-webhook: all $(WEBHOOK_BIN)
	$(Q)MESSAGES=$(MESSAGES) KILLS=$(KILLS) JOBS=1 $(SUITE) webhook tests/webhook/hostile.sh tests/webhook/storm.sh

bench: all $(BENCH_BIN) $(WEBHOOK_BIN)
	$(Q)bash tests/bench.sh

# --- static checks ------------------------------------------------------------------------

SH_FILES = $(shell git ls-files '*.sh' '*.bash' '*.bats' .ci/run tests/bats/consent)
MAN_FILES := $(wildcard man/*.[1-8])

lint: lint-format lint-tidy lint-cppcheck lint-sh lint-man layers

lint-format:
	clang-format --dry-run --Werror $$(git ls-files '*.c' '*.h')

# One stamp a file, so that a second run looks only at what changed, and -j2 uses both processors.
lint-tidy: $(patsubst %.c,$(BUILD)/tidy/%.ok,$(ALL_SRC))
$(BUILD)/tidy/%.ok: %.c .clang-tidy tests/unit/.clang-tidy $(wildcard src/*/*.h tests/*/*.h)
	@mkdir -p $(@D)
	@echo "TIDY $<"
	$(Q)clang-tidy --quiet $< -- $(BASE_CFLAGS) -Wno-unknown-warning-option $(CFLAGS_PKG) \
		>$@.log 2>&1 || { cat $@.log; false; }
	@touch $@

lint-cppcheck:
	@mkdir -p $(BUILD)/cppcheck
	cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr \
		--suppressions-list=.cppcheck/suppressions \
		--error-exitcode=1 --cppcheck-build-dir=$(BUILD)/cppcheck \
		-j 2 -D_GNU_SOURCE -D__GNUC__ -DCALSYNC_VERSION='"x"' -Isrc -I.cppcheck $(ALL_SRC)

lint-sh:
	shellcheck $(SH_FILES)

lint-man:
	$(if $(MAN_FILES),mandoc -Tlint -Wwarning $(MAN_FILES))

layers:
	$(Q)sh tests/layers.sh --self-test
	$(Q)sh tests/layers.sh

fmt:
	clang-format -i $$(git ls-files '*.c' '*.h')

# --- installation -------------------------------------------------------------------------

# The sandbox is a tool for tests: it is not installed.
BASH_DIR := $(DATADIR)/bash-completion/completions
ZSH_DIR := $(DATADIR)/zsh/site-functions
FISH_DIR := $(DATADIR)/fish/vendor_completions.d
SCHEMAS := $(wildcard schemas/*.json)
PROXIES := $(wildcard contrib/proxy/*)
# What is installed for systemd, as DIR/FILE: where each goes and where it comes from. The timers are the
# same for the system and for a user.
TIMERS := $(notdir $(wildcard contrib/systemd/both/*))
SYSTEMD_FILES := $(patsubst contrib/systemd/%,%,$(wildcard $(addprefix contrib/systemd/, \
	system/* user/* sysusers.d/* tmpfiles.d/*))) $(TIMERS:%=system/%) $(TIMERS:%=user/%)
systemd_to = $(DESTDIR)$(SYSTEMDLIB)/$(if $(filter system/% user/%,$(1)),systemd/)$(1)
systemd_from = contrib/systemd/$(if $(filter $(TIMERS),$(notdir $(1))),both/$(notdir $(1)),$(1))
# @BINDIR@ is where the program lies; a line @SYNCER@ or @USER@ stands for what many units share.
FILL := sed -e '/^@SYNCER@$$/{r contrib/systemd/syncer.conf' -e 'd' -e '}' \
	-e '/^@USER@$$/{r contrib/systemd/user.conf' -e 'd' -e '}' -e 's|@BINDIR@|$(BINDIR)|g'

install: $(BUILD)/calsync
	install -d $(DESTDIR)$(BINDIR)
	install -m 755 $(BUILD)/calsync $(DESTDIR)$(BINDIR)/calsync
	for f in $(MAN_FILES); do \
		d=$(DESTDIR)$(MANDIR)/man$${f##*.}; install -d $$d && install -m 644 $$f $$d/ || exit 1; done
	install -d $(DESTDIR)$(BASH_DIR) $(DESTDIR)$(ZSH_DIR) $(DESTDIR)$(FISH_DIR)
	install -m 644 completions/calsync.bash $(DESTDIR)$(BASH_DIR)/calsync
	install -m 644 completions/_calsync $(DESTDIR)$(ZSH_DIR)/_calsync
	install -m 644 completions/calsync.fish $(DESTDIR)$(FISH_DIR)/calsync.fish
	install -d $(DESTDIR)$(DATADIR)/calsync/schemas $(DESTDIR)$(DATADIR)/calsync/proxy
	install -m 644 $(SCHEMAS) $(DESTDIR)$(DATADIR)/calsync/schemas/
	install -m 644 $(PROXIES) $(DESTDIR)$(DATADIR)/calsync/proxy/
	install -d $(DESTDIR)$(SBINDIR) $(sort $(dir $(foreach f,$(SYSTEMD_FILES),$(call systemd_to,$(f)))))
	set -e; fill() { $(FILL) "$$2" >"$$3"; chmod "$$1" "$$3"; }; \
		fill 755 contrib/systemd/calsync-system.sh $(DESTDIR)$(SBINDIR)/calsync-system; \
		$(foreach f,$(SYSTEMD_FILES),fill 644 $(call systemd_from,$(f)) $(call systemd_to,$(f));)

uninstall:
	rm -f $(DESTDIR)$(BINDIR)/calsync
	for f in $(MAN_FILES); do rm -f $(DESTDIR)$(MANDIR)/man$${f##*.}/$${f##*/}; done
	rm -f $(DESTDIR)$(BASH_DIR)/calsync $(DESTDIR)$(ZSH_DIR)/_calsync $(DESTDIR)$(FISH_DIR)/calsync.fish
	rm -f $(foreach f,$(SCHEMAS) $(PROXIES:contrib/%=%),$(DESTDIR)$(DATADIR)/calsync/$(f))
	rm -f $(DESTDIR)$(SBINDIR)/calsync-system $(foreach f,$(SYSTEMD_FILES),$(call systemd_to,$(f)))
	rmdir $(addprefix $(DESTDIR)$(DATADIR)/calsync,/schemas /proxy /) 2>/dev/null || true

clean:
	rm -rf build

-include $(patsubst %.c,$(BUILD)/obj/%.d,$(ALL_SRC))

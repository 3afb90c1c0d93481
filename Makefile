# calsync: GNU make 4, gcc or clang, objects in build/.
#
#   make                          release build: build/calsync, build/calsync-sandbox
#   make check                    every test that needs no network and no fixtures
#   make SANITIZE=address,undefined DEVELOPER=1 check
#   make install PREFIX=/usr DESTDIR=...

PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
MANDIR ?= $(PREFIX)/share/man
DATADIR ?= $(PREFIX)/share
BUILD ?= build
V ?= 0
Q := $(if $(filter 1,$(V)),,@)

VERSION := 0.1.0

PKGS := json-c sqlite3 smartcols inih libcrypto
SANDBOX_PKGS := json-c libmicrohttpd libical libcrypto zlib
TEST_PKGS := cmocka

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
ALL_CFLAGS = -std=gnu17 $(CFLAGS) $(WARN) $(HARDEN) -D_GNU_SOURCE -DCALSYNC_VERSION='"$(VERSION)"' \
	-Isrc -I$(BUILD)/gen -MMD -MP

pkg-cflags = $(shell pkg-config --cflags $(1))
pkg-libs = $(shell pkg-config --libs $(1))

LIB_SRC := $(wildcard src/base/*.c src/model/*.c src/secret/*.c src/store/*.c src/ical/*.c \
	src/google/*.c src/sync/*.c src/web/*.c)
CMD_SRC := $(wildcard src/cmd/*.c) $(wildcard src/main.c)
FG_SRC := $(filter-out tests/fake_google/main.c,$(wildcard tests/fake_google/*.c))
SANDBOX_SRC := $(wildcard tests/fake_google/main.c)
UNIT_SRC := $(wildcard tests/unit/test_*.c)

obj = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
LIB_OBJ := $(call obj,$(LIB_SRC))
CMD_OBJ := $(call obj,$(CMD_SRC))
FG_OBJ := $(call obj,$(FG_SRC))
# What the sandbox shares with the product: base, and the shape of an HTTP exchange.
FG_BASE_OBJ := $(call obj,$(wildcard src/base/*.c) src/google/transport.c)
UNIT_BIN := $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(UNIT_SRC))

.PHONY: all check check-unit check-bats check-sandbox check-fixtures demo bench fmt lint layers \
	install uninstall clean
.DELETE_ON_ERROR:
.SECONDARY:

all: $(BUILD)/calsync $(BUILD)/calsync-sandbox

$(BUILD)/calsync: $(CMD_OBJ) $(LIB_OBJ)
	@echo "LD $@"
	$(Q)$(CC) $(CFLAGS) $(HARDEN) $(HARDEN_LD) $(LDFLAGS) -o $@ $^ $(call pkg-libs,$(PKGS)) -ldl

$(BUILD)/calsync-sandbox: $(call obj,$(SANDBOX_SRC)) $(FG_OBJ) $(FG_BASE_OBJ)
	@echo "LD $@"
	$(Q)$(CC) $(CFLAGS) $(HARDEN) $(HARDEN_LD) $(LDFLAGS) -o $@ $^ $(call pkg-libs,$(SANDBOX_PKGS))

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	@echo "CC $<"
	$(Q)$(CC) $(ALL_CFLAGS) $(call pkg-cflags,$(PKGS) $(SANDBOX_PKGS) $(TEST_PKGS)) -c -o $@ $<

$(BUILD)/unit/%: $(BUILD)/obj/tests/unit/%.o $(LIB_OBJ) $(FG_OBJ)
	@mkdir -p $(@D)
	@echo "LD $@"
	$(Q)$(CC) $(CFLAGS) $(HARDEN) $(HARDEN_LD) $(LDFLAGS) -o $@ $^ \
		$(call pkg-libs,$(PKGS) $(SANDBOX_PKGS) $(TEST_PKGS)) -ldl

check-unit: $(UNIT_BIN)
	$(Q)sh tests/run-unit.sh $(UNIT_BIN)

fmt:
	clang-format -i $$(git ls-files '*.c' '*.h')

clean:
	rm -rf build

-include $(patsubst %.o,%.d,$(LIB_OBJ) $(CMD_OBJ) $(FG_OBJ) $(call obj,$(SANDBOX_SRC) $(UNIT_SRC)))

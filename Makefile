# taskbell: build, test, install. GNU make.
#   all run check torture soak bench interop valgrind valgrind-e2e fuzz lint format install installcheck uninstall dist clean
VERSION := 0.1.0

prefix      ?= /usr/local
exec_prefix ?= $(prefix)
bindir      ?= $(exec_prefix)/bin
libexecdir  ?= $(exec_prefix)/libexec
datarootdir ?= $(prefix)/share
datadir     ?= $(datarootdir)
mandir      ?= $(datarootdir)/man
docdir      ?= $(datarootdir)/doc/taskbell
userunitdir ?= $(prefix)/lib/systemd/user
INSTALL         ?= install
INSTALL_PROGRAM ?= $(INSTALL)
INSTALL_DATA    ?= $(INSTALL) -m 644
PKG_CONFIG      ?= pkg-config
PYTHON          ?= $(firstword $(wildcard /usr/bin/python3) python3)

BUILD    ?= build
NOTIFY   ?= yes
SANITIZE ?=
WERROR   ?=

CFLAGS   ?= -O2 -g
WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
            -Wformat=2 -Wvla -Wconversion $(if $(WERROR),-Werror)
HARDEN   := -fstack-protector-strong -fPIE $(if $(SANITIZE),,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
PKGS     := libcurl libcjson libconfig sqlite3
PKG_CFLAGS := $(shell $(PKG_CONFIG) --cflags $(PKGS) 2>/dev/null)
PKG_LIBS    = $(or $(shell $(PKG_CONFIG) --libs $(PKGS) 2>/dev/null),-lcurl -lcjson -lconfig -lsqlite3)
SAN_FLAGS := $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-omit-frame-pointer -fno-sanitize-recover=all)

ALL_CFLAGS   = -std=c17 $(WARNINGS) $(HARDEN) $(SAN_FLAGS) $(CFLAGS)
ALL_CPPFLAGS = -D_POSIX_C_SOURCE=200809L -DTASKBELL_VERSION='"$(VERSION)"' \
               -DTASKBELL_LIBEXEC='"$(libexecdir)/taskbell"' $(if $(SANITIZE),-DTASKBELL_SANITIZED) -Isrc $(PKG_CFLAGS) $(CPPFLAGS)
ALL_LDFLAGS  = -pie -Wl,-z,relro,-z,now $(SAN_FLAGS) $(LDFLAGS)

ROOMS    := base core io app cli
SRC      := $(foreach r,$(ROOMS),$(sort $(wildcard src/$(r)/*.c)))
OBJ      := $(SRC:%.c=$(BUILD)/%.o)
LIB_OBJ  := $(filter-out $(BUILD)/src/cli/main.o,$(OBJ))
NOTIFY_SRC := $(wildcard src/notify/*.c)
NOTIFY_OBJ := $(NOTIFY_SRC:%.c=$(BUILD)/%.o)
PROGRAMS := $(BUILD)/taskbell $(if $(filter yes,$(NOTIFY)),$(BUILD)/taskbell-notify)

.PHONY: all run clean
all: $(PROGRAMS)

# watches your tasks when TELNYX_API_KEY is set, else those of the simulator
run: all
	@TASKBELL='$(abspath $(BUILD))/taskbell' TASKBELL_LIBEXEC='$(abspath $(BUILD))' PYTHON='$(PYTHON)' tests/simulator/run

clean:
	rm -rf $(BUILD)

$(BUILD)/taskbell: $(BUILD)/src/cli/main.o $(BUILD)/libtaskbell.a
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS) $(LDLIBS)

$(BUILD)/libtaskbell.a: $(LIB_OBJ)
	rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/taskbell-notify: $(NOTIFY_OBJ) $(filter $(BUILD)/src/base/%,$(OBJ))
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $$($(PKG_CONFIG) --libs libnotify) $(LDLIBS)

$(BUILD)/src/notify/%.o: src/notify/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(CC) $(ALL_CPPFLAGS) $$($(PKG_CONFIG) --cflags libnotify) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# Objects depend on the flags that made them, so that SANITIZE=… or another CC never mixes with old ones.
FLAGS_NOW = $(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) $(ALL_LDFLAGS)
$(BUILD)/flags: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' '$(subst ','\'',$(FLAGS_NOW))' | cmp -s - $@ || printf '%s\n' '$(subst ','\'',$(FLAGS_NOW))' >$@
FORCE:

include packaging/install.mk

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

include tests/tests.mk

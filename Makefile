# taskbell: build, test, install. GNU make.
# `make help` names the targets; V=1 shows the commands.
VERSION := 0.1.0

prefix      ?= /usr/local
exec_prefix ?= $(prefix)
bindir      ?= $(exec_prefix)/bin
libexecdir  ?= $(exec_prefix)/libexec
datarootdir ?= $(prefix)/share
datadir     ?= $(datarootdir)
mandir      ?= $(datarootdir)/man
docdir      ?= $(datarootdir)/doc/taskbell
# `systemd --user` looks in ~/.local/share for what a user has installed, and in no lib of a home
in_home     := $(if $(HOME),$(findstring |$(HOME)/,|$(prefix)))
userunitdir ?= $(if $(in_home),$(datadir),$(prefix)/lib)/systemd/user
INSTALL         ?= install
INSTALL_PROGRAM ?= $(INSTALL)
INSTALL_DATA    ?= $(INSTALL) -m 644
PKG_CONFIG      ?= pkg-config
PYTHON          ?= $(firstword $(wildcard /usr/bin/python3) python3)

BUILD    ?= build
# make knows no name with a blank: such a directory is reached by a link beside this file
ifneq ($(words $(BUILD)),1)
build_link := build-$(firstword $(shell printf '%s' '$(BUILD)' | cksum))
$(shell mkdir -p '$(BUILD)' && ln -sfn '$(BUILD)' $(build_link))
override BUILD := $(build_link)
endif
NOTIFY   ?= yes
SANITIZE ?=
WERROR   ?=

CFLAGS   ?= -O2 -g
WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
            -Wformat=2 -Wvla -Wconversion $(if $(WERROR),-Werror)
# where it can work, and nobody has asked for another level: a distribution's flags, or its compiler by itself
predefined := $(shell $(CC) $(CPPFLAGS) $(CFLAGS) -dM -E -x c /dev/null 2>/dev/null | sed -nE 's/.*(_FORTIFY_SOURCE|__OPTIMIZE__) .*/\1/p')
FORTIFY  := $(if $(SANITIZE)$(filter _FORTIFY_SOURCE,$(predefined)),,$(if $(filter __OPTIMIZE__,$(predefined)),-D_FORTIFY_SOURCE=2))
HARDEN   := -fstack-protector-strong -fPIE $(FORTIFY)
PKGS     := libcurl libcjson libconfig sqlite3 zlib
PKG_CFLAGS := $(shell $(PKG_CONFIG) --cflags $(PKGS) 2>/dev/null)
PKG_LIBS    = $(or $(shell $(PKG_CONFIG) --libs $(PKGS) 2>/dev/null),-lcurl -lcjson -lconfig -lsqlite3 -lz)
SAN_FLAGS := $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-omit-frame-pointer -fno-sanitize-recover=all)

ALL_CFLAGS   = -std=c17 $(WARNINGS) $(HARDEN) $(SAN_FLAGS) $(CFLAGS)
# files and times of 64 bits also where a long has 32
ALL_CPPFLAGS = -D_POSIX_C_SOURCE=200809L -D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64 -DTASKBELL_VERSION='"$(VERSION)"' \
               -DTASKBELL_LIBEXEC='"$(libexecdir)/taskbell"' $(if $(SANITIZE),-DTASKBELL_SANITIZED) -Isrc $(PKG_CFLAGS) $(CPPFLAGS)
ALL_LDFLAGS  = -pie -Wl,-z,relro,-z,now $(SAN_FLAGS) $(LDFLAGS)

ROOMS    := base json core io deliver watch client cli
SRC      := $(foreach r,$(ROOMS),$(sort $(wildcard src/$(r)/*.c)))
OBJ      := $(SRC:%.c=$(BUILD)/%.o)
LIB_OBJ  := $(filter-out $(BUILD)/src/cli/main.o,$(OBJ))
NOTIFY_SRC := $(wildcard src/notify/*.c)
NOTIFY_OBJ := $(NOTIFY_SRC:%.c=$(BUILD)/%.o)
PROGRAMS := $(BUILD)/taskbell $(if $(filter yes,$(NOTIFY)),$(BUILD)/taskbell-notify)

.PHONY: all run clean help
all: $(PROGRAMS) ## builds the programs in $(BUILD)

# the targets that say after two # what they do; of a variable its default
help: ## names the targets
	@sed -nE 's/^([a-z][a-z0-9-]*):.* ## (.*)/\1 \2/p' $(MAKEFILE_LIST) | sed 's/\$$(BUILD)/$(subst /,\/,$(BUILD))/' | \
		awk '{ name = $$1; $$1 = ""; printf "make %-15s%s\n", name, $$0 }'
	@echo 'V=1 shows the commands; BUILD=dir, SANITIZE=address,undefined, WERROR=1'

# one line for each thing made, as the kernel has it; none with -s
Q    := $(if $(filter 1,$(V)),,@)
say   = $(if $(Q),$(if $(findstring s,$(filter-out --%,$(firstword -$(MAKEFLAGS)))),,@printf '  %-7s %s\n' '$1' '$2'))

# watches your tasks when TELNYX_API_KEY is set, else those of the simulator
run: all ## watches your tasks with TELNYX_API_KEY, else simulated ones
	@TASKBELL='$(abspath $(BUILD))/taskbell' TASKBELL_LIBEXEC='$(abspath $(BUILD))' PYTHON='$(PYTHON)' DEMO='$(BUILD)/demo' tests/simulator/run

clean: ## removes what was built
	rm -rf "$$(readlink -f $(BUILD))" $(BUILD)

$(BUILD)/taskbell: $(BUILD)/src/cli/main.o $(BUILD)/libtaskbell.a
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS) $(LDLIBS)

$(BUILD)/libtaskbell.a: $(LIB_OBJ)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/taskbell-notify: $(NOTIFY_OBJ) $(filter $(BUILD)/src/base/%,$(OBJ))
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $$($(PKG_CONFIG) --libs libnotify) $(LDLIBS)

$(BUILD)/src/notify/%.o: src/notify/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(ALL_CPPFLAGS) $$($(PKG_CONFIG) --cflags libnotify) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# Objects depend on the flags that made them, so that SANITIZE=… or another CC never mixes with old ones.
FLAGS_NOW = $(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) $(ALL_LDFLAGS)
$(BUILD)/flags: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' '$(subst ','\'',$(FLAGS_NOW))' | cmp -s - $@ || { \
		$(call needs,$(HEADERS),packaging/deps.sh) && printf '%s\n' '$(subst ','\'',$(FLAGS_NOW))' >$@; }
FORCE:

# what cannot be included is said before a compiler stumbles over it, with what installs it
HEADERS = stdio.h curl/curl.h cjson/cJSON.h libconfig.h sqlite3.h zlib.h $(if $(filter yes,$(NOTIFY)),libnotify/notify.h)
needs   = for header in $1; do \
		echo "\#include <$$header>" | $(CC) $(ALL_CPPFLAGS) $$($(PKG_CONFIG) --cflags libnotify 2>/dev/null) -E -o /dev/null - \
			2>/dev/null || absent="$$absent $$header"; \
	done; [ -z "$$absent" ] || { \
		echo "make: not found:$$absent; what is missing is installed by: sh $2" >&2; exit 1; }

include packaging/install.mk

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

include tests/tests.mk

# Install, uninstall, the tarball of a release and the recipes for distributions. Included by the Makefile.
bashcompdir ?= $(datarootdir)/bash-completion/completions
zshcompdir  ?= $(datarootdir)/zsh/site-functions
fishcompdir ?= $(datarootdir)/fish/vendor_completions.d
INSTALL_SCRIPT ?= $(INSTALL)

# what is installed: source file, kind, destination
MANUALS := $(wildcard packaging/man/*.[157])
HOOKS   := $(wildcard etc/hooks/*)
SAMPLES := $(wildcard etc/waybar/* etc/i3blocks/*)
INSTALLED = \
	$(BUILD)/taskbell:program:$$bindir/taskbell \
	$(if $(filter yes,$(NOTIFY)),$(BUILD)/taskbell-notify:program:$$libexecdir/taskbell/taskbell-notify) \
	$(foreach m,$(MANUALS),$m:data:$$mandir/man$(subst .,,$(suffix $m))/$(notdir $m)) \
	$(BUILD)/taskbell.service:data:$$userunitdir/taskbell.service \
	$(foreach f,hardening.conf key.conf,packaging/systemd/$f:data:$$docdir/systemd/$f) \
	packaging/desktop/taskbell.desktop:data:$$datadir/applications/taskbell.desktop \
	packaging/desktop/taskbell.svg:data:$$datadir/icons/hicolor/scalable/apps/taskbell.svg \
	packaging/desktop/taskbell-autostart.desktop:data:$$docdir/examples/taskbell-autostart.desktop \
	packaging/logrotate.conf:data:$$docdir/examples/logrotate.conf \
	packaging/completions/taskbell.bash:data:$$bashcompdir/taskbell \
	packaging/completions/_taskbell:data:$$zshcompdir/_taskbell \
	packaging/completions/taskbell.fish:data:$$fishcompdir/taskbell.fish \
	etc/taskbell.conf:data:$$docdir/examples/taskbell.conf \
	$(foreach h,$(HOOKS),$h:script:$$docdir/examples/hooks/$(notdir $h)) \
	$(foreach s,$(SAMPLES),$s:script:$$docdir/examples/$(notdir $s)) \
	README.md:data:$$docdir/README.md packaging/CHANGELOG.md:data:$$docdir/CHANGELOG.md LICENSE:data:$$docdir/LICENSE
# A directory may have a blank, and so the shell puts it in: for each row, $$row, and $$to, where it goes.
DIRECTORIES := DESTDIR bindir libexecdir mandir userunitdir docdir datadir bashcompdir zshcompdir fishcompdir
each_row = set -e; $(foreach d,$(DIRECTORIES),$d='$($d)'; )for row in $(foreach row,$(INSTALLED),'$(row)'); do \
	eval "to=\"\$$DESTDIR$${row\#\#*:}\""

.PHONY: install installdirs install-strip uninstall installcheck list-installed dist recipes package-check

# always made anew: what it depends on are the directories given now
$(BUILD)/taskbell.service: packaging/systemd/taskbell.service.in FORCE
	@mkdir -p $(@D)
	@sed 's,@bindir@,$(unit_bindir),' $< >$@
blank := $(subst ,, )
unit_bindir = $(subst $(blank),\\x20,$(bindir))

installdirs:
	@umask 022; $(each_row); mkdir -p "$${to%/*}"; done

# nothing outside DESTDIR is touched, and nothing is enabled
install: all $(BUILD)/taskbell.service installdirs ## installs; prefix, DESTDIR and the others of GNU
	@$(each_row); \
		case $$row in \
		*:program:*) $(INSTALL_PROGRAM) "$${row%%:*}" "$$to" ;; \
		*:script:*) $(INSTALL_SCRIPT) "$${row%%:*}" "$$to" ;; \
		*) $(INSTALL_DATA) "$${row%%:*}" "$$to" ;; \
		esac; \
	done
	@touch '$(DESTDIR)$(datadir)/icons/hicolor' # a cache older than the directory is not believed: the icon is found

install-strip:
	@+$(MAKE) --no-print-directory INSTALL_PROGRAM='$(INSTALL_PROGRAM) -s' install

# Directories that are empty afterwards go too, up to the prefix; those of the system stay, they may have been
# there before.
KEPT_DIRS = $(if $(DESTDIR),,$(foreach p,/usr /usr/local,$p $p/bin $p/lib $p/libexec $p/share $p/share/man $p/share/doc))
uninstall: ## removes what was installed
	@$(each_row); rm -f "$$to"; done
	@$(each_row); \
		dir=$${to%/*}; \
		while case " $(KEPT_DIRS) $(DESTDIR) / " in *" $$dir "*) false ;; esac && rmdir "$$dir" 2>/dev/null; do \
			dir=$${dir%/*}; \
		done; \
	done

# the installed files, by what they say and do
installcheck: ## tries the installed program
	"$(DESTDIR)$(bindir)/taskbell" --version | grep -q '^taskbell $(VERSION) '
	"$(DESTDIR)$(bindir)/taskbell" --config '$(DESTDIR)$(docdir)/examples/taskbell.conf' check
	$(if $(filter yes,$(NOTIFY)),"$(DESTDIR)$(libexecdir)/taskbell/taskbell-notify" --version | grep -qx 'taskbell-notify $(VERSION)')
	grep -qxF 'ExecStart=$(subst \\,\,$(unit_bindir))/taskbell watch' '$(DESTDIR)$(userunitdir)/taskbell.service'

list-installed:
	@$(each_row); echo "$${to#"$$DESTDIR"}"; done

# The same bytes from the same commit, whoever makes it: times are those of the commit, modes and owners fixed.
TARBALL = $(BUILD)/taskbell-$(VERSION).tar.gz
dist: ## makes the tarball of a release
	@mkdir -p $(BUILD)
	git -c tar.umask=0022 archive --format=tar --prefix=taskbell-$(VERSION)/ -o $(TARBALL:.gz=) HEAD
	gzip -9 -n -f $(TARBALL:.gz=)

# recipes for distributions, with the version and the sums of that tarball, beside it
RECIPES = packaging/rpm/taskbell.spec packaging/arch/PKGBUILD packaging/alpine/APKBUILD
recipes: dist
	@sha256=$$(sha256sum <$(TARBALL)) sha512=$$(sha512sum <$(TARBALL)); \
	for file in $(RECIPES); do \
		sed "s/@VERSION@/$(VERSION)/; s/@SHA256@/$${sha256%% *}/; s/@SHA512@/$${sha512%% *}/" "$$file" \
			>"$(BUILD)/$${file##*/}" || exit; \
	done

# the README's commands and the Debian packages in bare systems; as root, minutes
SUITE ?= bookworm
package-check:
	packaging/check-distro $(SUITE)

#!/bin/sh
# Installs what is missing to build taskbell (--test: also to test it). Silent when nothing is.
# Every need is probed by what it gives (a program, a header), not by a package's name, so that what
# came another way counts, and nothing is asked of the package manager when all is there.
set -u

usage='usage: sh packaging/deps.sh [--test] [--bench] [--no-notify] [--print]
  --test       also what the tests need
  --bench      also what make bench needs
  --no-notify  leave out libnotify (build with NOTIFY=no)
  --print      only print the names of the packages that would be installed'

say() { printf '%s\n' "deps.sh: $*" >&2; }

test=no bench=no notify=yes print=no
for arg in "$@"; do
	case $arg in
	--test) test=yes ;;
	--bench) bench=yes ;;
	--no-notify) notify=no ;;
	--print) print=yes ;;
	-h | --help) printf '%s\n' "$usage" && exit 0 ;;
	*) printf '%s\n' "$usage" >&2 && exit 64 ;;
	esac
done

manager=none
for name in apt-get dnf pacman apk; do
	if command -v "$name" >/dev/null 2>&1; then
		manager=$name
		break
	fi
done

# probes
has() { command -v "$1" >/dev/null 2>&1; }
module() { has pkg-config && { [ "${all_modules:-no}" = yes ] || pkg-config --exists "$1"; }; }
any_file() {
	for file in "$@"; do
		[ -e "$file" ] && return 0
	done
	return 1
}
compiler() { has cc && any_file /usr/include/stdio.h /usr/include/*/stdio.h; }
certificates() {
	any_file /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem
}
# in the interpreter that the Makefile takes
python_modules() {
	python=/usr/bin/python3
	[ -x "$python" ] || python=python3
	has "$python" && "$python" -c 'import importlib.util as util, sys
sys.exit(not all(map(util.find_spec, sys.argv[1:])))' "$@"
}
sanitizers() {
	has gcc && any_file "$(gcc -print-file-name=libasan.so)"
}
fuzzer() {
	has clang || return 1
	set -- "$(clang -print-resource-dir)"
	any_file "$1"/lib/*/libclang_rt.fuzzer[-.]*a
}
font() { any_file /usr/share/fonts/truetype/dejavu /usr/share/fonts/*/DejaVu* /usr/share/fonts/dejavu*; }
completion() { any_file /usr/share/bash-completion/bash_completion; }
bare_systems() { any_file /usr/sbin/debootstrap /usr/bin/debootstrap; }
user_manager() { any_file /usr/lib/systemd/systemd /lib/systemd/systemd; }

# One need a line: probe; packages of apt, dnf, pacman, apk ("-": that distribution has none).
# A package may come in the place of another: "a|b" takes the first that the archive knows (apt).
needs_build='
compiler             ; gcc libc6-dev       ; gcc                 ; gcc          ; gcc musl-dev
has make             ; make                ; make                ; make         ; make
has pkg-config       ; pkg-config          ; pkgconf-pkg-config  ; pkgconf      ; pkgconf
module libcurl       ; libcurl4-openssl-dev ; libcurl-devel      ; curl         ; curl-dev
module libcjson      ; libcjson-dev        ; cjson-devel         ; cjson        ; cjson-dev
module libconfig     ; libconfig-dev       ; libconfig-devel     ; libconfig    ; libconfig-dev
module sqlite3       ; libsqlite3-dev      ; sqlite-devel        ; sqlite       ; sqlite-dev
module zlib          ; zlib1g-dev          ; zlib-devel          ; zlib         ; zlib-dev
has python3          ; python3             ; python3             ; python       ; python3
certificates         ; ca-certificates     ; ca-certificates     ; ca-certificates ; ca-certificates
'
needs_notify='
module libnotify     ; libnotify-dev       ; libnotify-devel     ; libnotify    ; libnotify-dev
'
needs_test='
has gcc              ; gcc                 ; gcc                 ; gcc          ; gcc
sanitizers           ; gcc                 ; libasan libubsan    ; gcc          ; -
module cmocka        ; libcmocka-dev       ; libcmocka-devel     ; cmocka       ; cmocka-dev
python_modules pytest dbusmock dbus gi ; python3-pytest python3-dbusmock ; python3-pytest python3-dbusmock ; python-pytest python-dbusmock ; py3-pytest py3-dbusmock
has dbus-daemon      ; dbus                ; dbus-daemon         ; dbus         ; dbus
has dbus-run-session ; dbus                ; dbus-daemon         ; dbus         ; dbus
has dunst            ; dunst               ; dunst               ; dunst        ; dunst
has Xvfb             ; xvfb                ; xorg-x11-server-Xvfb ; xorg-server-xvfb ; xvfb
has import           ; imagemagick         ; ImageMagick         ; imagemagick  ; imagemagick
font                 ; fonts-dejavu-core   ; dejavu-sans-fonts   ; ttf-dejavu   ; font-dejavu
has valgrind         ; valgrind libc6-dbg  ; valgrind            ; valgrind     ; valgrind
has clang            ; clang               ; clang               ; clang        ; clang
fuzzer               ; libclang-rt-14-dev|libclang-rt-dev ; compiler-rt ; compiler-rt ; compiler-rt
has clang-tidy       ; clang-tidy          ; clang-tools-extra   ; clang        ; clang-extra-tools
has clang-format     ; clang-format        ; clang-tools-extra   ; clang        ; clang-extra-tools
has cppcheck         ; cppcheck            ; cppcheck            ; cppcheck     ; cppcheck
has shellcheck       ; shellcheck          ; ShellCheck          ; shellcheck   ; shellcheck
has musl-gcc         ; musl-tools          ; -                   ; musl         ; -
has desktop-file-validate ; desktop-file-utils ; desktop-file-utils ; desktop-file-utils ; desktop-file-utils
has mandoc           ; mandoc              ; mandoc              ; mandoc       ; mandoc
has openssl          ; openssl             ; openssl             ; openssl      ; openssl
has curl             ; curl                ; curl                ; curl         ; curl
has jq               ; jq                  ; jq                  ; jq           ; jq
has bash             ; bash                ; bash                ; bash         ; bash
has git              ; git                 ; git                 ; git          ; git
has tmux             ; tmux                ; tmux                ; tmux         ; tmux
has zsh              ; zsh                 ; zsh                 ; zsh          ; zsh
has fish             ; fish                ; fish                ; fish         ; fish
completion           ; bash-completion     ; bash-completion     ; bash-completion ; bash-completion
has systemctl        ; systemd             ; systemd             ; systemd      ; -
has unshare          ; util-linux          ; util-linux          ; util-linux   ; util-linux
bare_systems         ; debootstrap         ; debootstrap         ; debootstrap  ; debootstrap
user_manager         ; systemd             ; systemd             ; systemd      ; -
has node             ; nodejs              ; nodejs              ; nodejs       ; nodejs
has npm              ; npm                 ; npm                 ; npm          ; npm
'

# its own configuration: the distribution's need not run, and is not touched
needs_bench='
has nginx            ; nginx-light|nginx   ; nginx               ; nginx        ; nginx
has curl             ; curl                ; curl                ; curl         ; curl
has jq               ; jq                  ; jq                  ; jq           ; jq
has openssl          ; openssl             ; openssl             ; openssl      ; openssl
has node             ; nodejs              ; nodejs              ; nodejs       ; nodejs
has npm              ; npm                 ; npm                 ; npm          ; npm
'

needs=$needs_build
[ "$notify" = yes ] && needs=$needs$needs_notify
[ "$test" = yes ] && needs=$needs$needs_test
[ "$bench" = yes ] && needs=$needs$needs_bench

# one question for all libraries where all are there, which is every time but the first
have_all_modules() {
	# shellcheck disable=SC2046
	has pkg-config && pkg-config --exists $(printf '%s' "$needs" | sed -n 's/^module \([a-z0-9]*\).*/\1/p')
}

# prints "probe ; packages" of every need that is not met here
missing() {
	all_modules=no
	have_all_modules && all_modules=yes
	printf '%s' "$needs" | while IFS=';' read -r probe apt dnf pacman apk; do
		case $manager in
		apt-get) packages=$apt ;;
		dnf) packages=$dnf ;;
		pacman) packages=$pacman ;;
		apk) packages=$apk ;;
		*) packages=$probe ;;
		esac
		[ -n "$probe" ] || continue
		# shellcheck disable=SC2086 # a probe is a command and its words
		case $packages in
		*" - "* | *" -") continue ;;
		*) $probe </dev/null >/dev/null 2>&1 || printf '%s;%s\n' "$probe" "$packages" ;;
		esac
	done
}

# the packages of a list of needs, each once; of "a|b" the first that this archive has
packages_of() {
	printf '%s\n' "$1" | sed 's/^[^;]*;//' | tr -s ' ' '\n' | grep . | sort -u |
		while IFS= read -r package; do
			case $package in
			*'|'*)
				for choice in $(printf '%s' "$package" | tr '|' ' '); do
					if apt-cache show "$choice" >/dev/null 2>&1; then
						break
					fi
				done
				printf '%s\n' "$choice"
				;;
			*) printf '%s\n' "$package" ;;
			esac
		done
}

gap=$(missing)
[ -n "$gap" ] || exit 0

if [ "$manager" = none ]; then
	say "no apt-get, dnf, pacman or apk here; install what gives these, then run this again:"
	printf '%s\n' "$gap" | sed 's/;.*//; s/^/  /' >&2
	exit 69
fi
if [ "$print" = yes ]; then
	packages_of "$gap"
	exit 0
fi

as_root=
if [ "$(id -u)" -ne 0 ]; then
	for name in sudo doas; do
		if has "$name"; then
			as_root=$name
			break
		fi
	done
	if [ -z "$as_root" ]; then
		say "not root, and there is no sudo: as root run: $manager install $(packages_of "$gap" | tr '\n' ' ')"
		exit 77
	fi
fi

log=$(mktemp) || exit 73
trap 'rm -f "$log"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# runs a package manager quietly; what it said is shown when it fails
quietly() {
	"$@" </dev/null >"$log" 2>&1
}
apt() {
	quietly $as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 \
		--no-install-recommends "$@"
}
apt_knows_packages() {
	any_file /var/lib/apt/lists/*_Packages /var/lib/apt/lists/*_Packages.*
}
install_packages() {
	case $manager in
	apt-get)
		apt_knows_packages || apt update || return 1
		# an old list names files that the mirror no longer has: then ask it anew, once
		# shellcheck disable=SC2046 # one word a package
		apt install $(packages_of "$gap") || { apt update && apt install $(packages_of "$gap"); }
		;;
	dnf)
		# shellcheck disable=SC2046
		quietly $as_root dnf -y -q --setopt=install_weak_deps=False install $(packages_of "$gap")
		;;
	pacman)
		# shellcheck disable=SC2046
		quietly $as_root pacman -Sy --noconfirm --needed $(packages_of "$gap")
		;;
	apk)
		# shellcheck disable=SC2046
		quietly $as_root apk add --no-progress --update-cache $(packages_of "$gap")
		;;
	esac
}

say "installing $(packages_of "$gap" | tr '\n' ' ')"
if ! install_packages; then
	tail -n 30 "$log" >&2
	say "$manager could not install them (above)"
	exit 69
fi
gap=$(missing)
if [ -n "$gap" ]; then
	say "installed, but still not found:"
	printf '%s\n' "$gap" | sed 's/;.*//; s/^/  /' >&2
	exit 69
fi

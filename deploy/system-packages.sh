#!/bin/sh
# What WeasyPrint and co-branded PDFs need from the system. Installs by apt-get where that is
# allowed; else says in one line what to install. Does nothing when everything is there.
set -u
packages="libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fontconfig fonts-dejavu-core fonts-noto-core fonts-noto-cjk"

missing=""
if command -v dpkg-query >/dev/null 2>&1; then
  for package in $packages; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q "ok installed" || missing="$missing $package"
  done
else
  # Not Debian: the libraries are looked for where the loader finds them, fonts by fontconfig.
  ldconfig -p 2>/dev/null | grep -q libpangoft2 || missing="$missing pango"
  fc-list 2>/dev/null | grep -qi "noto sans arabic" || missing="$missing noto-fonts"
  fc-list 2>/dev/null | grep -qi "noto sans cjk" || missing="$missing noto-fonts-cjk"
fi
[ -z "$missing" ] && exit 0

run=""
[ "$(id -u)" = 0 ] || run="sudo -n"
if command -v apt-get >/dev/null 2>&1 && { [ -z "$run" ] || sudo -n true 2>/dev/null; }; then
  echo "Installing system libraries and fonts:$missing"
  $run apt-get update -qq >/dev/null 2>&1
  if $run env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null 2>&1; then
    exit 0
  fi
fi
echo "tpma needs these system packages, which could not be installed here. Install them, then run this again: $missing" >&2
exit 1

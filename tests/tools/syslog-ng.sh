#!/bin/sh
# Unpacks Debian's syslog-ng below target/: it cannot be installed beside rsyslog, and needs not be.
set -eu
cd "$(dirname "$0")/../.."
rm -rf target/tools/syslog-ng
mkdir -p target/tools/packages
(
    cd target/tools/packages
    apt-get update -qq
    apt-get download -qq syslog-ng-core libivykis0 libnet1 libpcre3 libwrap0
)
for package in target/tools/packages/*.deb; do
    dpkg -x "$package" target/tools/syslog-ng
done
test -x target/tools/syslog-ng/usr/sbin/syslog-ng

#!/usr/bin/env bash
# rsyslog-up.sh DIR HOST:PORT [tcp|udp]: rsyslogd under DIR that takes RFC 5424 and 3164 over UDP and TCP on DIR/addr and sends them to HOST:PORT: in
# Elasticsearch's _bulk form, or with tcp or udp as syslog (RFC 5424; over TCP with octet counting). RSYSLOGD and RSYSLOG_MODULES name the program and its
# modules where they are not the system's.
set -euo pipefail; . "$(dirname "$0")/lib.sh"; D=$(mkdir -p "$1" && cd "$1" && pwd); T=$2; [ -f "$D/addr" ] || echo "127.0.0.1:$(free_port)" > "$D/addr"; P=$(cut -d: -f2 "$D/addr")
RSYSLOGD=${RSYSLOGD:-$(PATH=$PATH:/usr/sbin command -v rsyslogd)}
cat > "$D/rsyslog.conf" <<C
global(workDirectory="$D")
module(load="imudp") module(load="imtcp")
input(type="imudp" address="127.0.0.1" port="$P") input(type="imtcp" address="127.0.0.1" port="$P")
C
if [ -n "${3:-}" ]; then cat >> "$D/rsyslog.conf" <<C
action(type="omfwd" target="${T%:*}" port="${T##*:}" protocol="$3" tcp_framing="octet-counted" template="RSYSLOG_SyslogProtocol23Format"
  action.resumeretrycount="-1" queue.type="linkedlist")
C
else cat >> "$D/rsyslog.conf" <<C
module(load="omelasticsearch")
template(name="doc" type="list" option.jsonf="on") {
  property(outname="@timestamp" name="timereported" dateFormat="rfc3339" format="jsonf") property(outname="host" name="hostname" format="jsonf")
  property(outname="severity" name="syslogseverity-text" format="jsonf") property(outname="app" name="app-name" format="jsonf") property(outname="message" name="msg" format="jsonf") }
action(type="omelasticsearch" server="${T%:*}" serverport="${T##*:}" template="doc" searchIndex="syslog" searchType="" bulkmode="on" maxbytes="1m"
  errorfile="$D/refused.json" action.resumeretrycount="-1" queue.type="linkedlist" queue.dequeuebatchsize="500")
C
fi
nohup "$RSYSLOGD" -n -f "$D/rsyslog.conf" -i "$D/rsyslogd.pid" ${RSYSLOG_MODULES:+-M "$RSYSLOG_MODULES"} > "$D/log" 2>&1 & echo $! > "$D/pid"; wait_tcp "$(cat "$D/addr")" 10; echo "rsyslog on $(cat "$D/addr")"

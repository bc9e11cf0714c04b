#!/usr/bin/env bash
# alertmanager-suite.sh PROGRAM [FLAG...]: runs Alertmanager's own acceptance tests against steadfast (PROGRAM). Needs go; the tests
# come from the Go module and are not kept here. Left out: clusters, classic mode, a route prefix. FLAGs go to the tests (-test.run, ..).
set -euo pipefail
program=$(realpath "$1"); shift
dir=$(mktemp -d); trap 'chmod -R u+w "$dir"; rm -rf "$dir"' EXIT
cd "$dir"
go mod init suite >/dev/null 2>&1
module=$(go mod download -json github.com/prometheus/alertmanager@v0.35.0 | sed -n 's/.*"Dir": "\(.*\)",/\1/p')
cp -r "$module" src; chmod -R u+w src
mkdir -p src/ui/app/dist; touch src/ui/app/dist/index.html
# What the tests start in place of an Alertmanager: its flags, as a configuration of ours.
cat > src/alertmanager <<SHIM
#!/usr/bin/env bash
while [ \$# -gt 0 ]; do case \$1 in
  --config.file) file=\$2; shift 2;;
  --storage.path) storage=\$2; shift 2;;
  --web.listen-address) listen=\$2; shift 2;;
  --*=*) shift;;
  *) shift 2 2>/dev/null || shift;;
esac; done
printf 'data_dir: %s/data\nroles: [alerting]\nserver: {listen: "%s"}\npostgres: {enabled: false}\nalertmanager: %s\n' "\$storage" "\$listen" "\$file" > "\$storage/steadfast.yaml"
exec "$program" up --config "\$storage/steadfast.yaml"
SHIM
chmod +x src/alertmanager
cd src/test/with_api_v2/acceptance
go test -c -o "$dir/acceptance.test" .
"$dir/acceptance.test" -test.v -test.parallel 4 -test.skip 'Cluster|ClassicMode|WithPrefix' "$@"

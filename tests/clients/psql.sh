#!/usr/bin/env bash
# Causeway as psql sees it: what a person types by hand.
set -uo pipefail
cd "$(dirname "$0")/../.."

failed=0
claim() { # text, then the command that must succeed
  local text="$1"
  shift
  if "$@"; then
    echo "ok - $text"
  else
    failed=1
    echo "not ok - $text: ${output:-}"
  fi
}
has() { grep -qE -- "$1" <<<"$output"; }
lacks() { ! has "$1"; }
lines() { [ "$(grep -c . <<<"$output")" -eq "$1" ]; }

export PGHOST="${CAUSEWAY_LISTEN%:*}" PGPORT="${CAUSEWAY_LISTEN##*:}" PGDATABASE=causeway PGCONNECT_TIMEOUT=10
ask() { # user, arguments of psql
  local user="$1"
  shift
  output="$(PGUSER="$user" PGPASSWORD="$user-practice" psql --no-psqlrc --set=VERBOSITY=verbose "$@" 2>&1)"
}

ask ana --tuples-only --no-align -f sql/demo/account_opportunities.sql
claim "ana sees four open deals of Boxeo" lines 4
claim "each with account, name, stage, amount and date" has '^Boxeo\|.+\|.+\|[0-9.]*\|[0-9]{4}-[0-9]{2}-[0-9]{2}$'
ask bruno --tuples-only --no-align -f sql/demo/account_opportunities.sql
claim "bruno sees none" test -z "$output"
ask ana --tuples-only --no-align -f sql/demo/visible_accounts.sql
hers="$output"
ask bruno --tuples-only --no-align -f sql/demo/visible_accounts.sql
claim "the same statement gives each their own accounts" test "$hers" != "$output" -a -n "$output"

ask ana -c '\dn'
claim '\dn lists the schemas' has '^ *salesforce '
claim '\dn lists both sources and the system tables' eval "has '^ *servicenow ' && has '^ *causeway '"
ask ana -c '\dt salesforce.*'
claim '\dt lists the objects' has 'salesforce +\| +opportunity +\| +table'
claim '\dt lists one schema' lacks 'incident'
ask ana -c '\d salesforce.opportunity'
claim '\d lists columns with their types' has 'accountid +\| +text'
claim '\d knows numbers' has 'amount +\| +double precision'
claim '\d knows dates' has 'closedate +\| +date'
claim '\d knows moments' has 'createddate +\| +timestamp with time zone'
claim '\d knows booleans' has 'isclosed +\| +boolean'
ask ana -c '\d servicenow.incident'
claim '\d lists display columns' has 'dv_assigned_to +\| +text'
claim '\d lists inherited columns' has 'opened_at +\| +timestamp with time zone'

output="$(PGUSER=ana PGPASSWORD=wrong psql --no-psqlrc -c 'SELECT 1' 2>&1)"
claim "a wrong password is refused" eval "[ $? -eq 2 ] && has 'password authentication failed for user'"
ask ana -c 'SELECT nam FROM salesforce.account'
claim "an unknown column has its code" has 'ERROR: +42703'
ask ana -c 'SELECT 1 FROM salesforce.nothing'
claim "an unknown table has its code" has 'ERROR: +42P01'
ask ana -c 'SELECT 1 + FROM salesforce.account'
claim "bad SQL has its code" has 'ERROR: +42601'
claim "psql shows the line" has '^LINE 1: '
claim "psql points to the place" has '^ +\^$'
ask ana -c 'EXPLAIN SELECT name FROM salesforce.account WHERE industry IS NULL'
claim "EXPLAIN shows the remote query" has 'SalesforceScan: account .*soql=SELECT .*FROM Account WHERE Industry = (null|NULL)'

started=$(date +%s%N)
output="$(PGUSER=admin PGPASSWORD=admin-practice timeout --signal=INT 2 psql --no-psqlrc --set=VERBOSITY=verbose -c \
  'SELECT count(*) FROM servicenow.incident a, servicenow.incident b, servicenow.incident c WHERE a.number < b.number AND b.number < c.number' 2>&1)"
took=$((($(date +%s%N) - started) / 1000000))
claim "Ctrl-C ends a statement with 57014" has 'ERROR: +57014'
claim "within a second" test "$took" -lt 3000
exit "$failed"

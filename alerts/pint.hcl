# Settings of pint (https://cloudflare.github.io/pint/), which lints the generated rules. With a block
# `prometheus "NAME" { uri = "http://..." }` added, it compares them with that server's series too.

rule {
  match {
    kind = "recording"
    name = "cqrs:slo_.*"
  }
  # pint compares names alone. Each group writes the objectives of its own side and reads those,
  # by the label cqrs_side; no rule reads what another group writes.
  disable = ["rule/dependency"]
}

rule {
  match {
    kind = "alerting"
    name = "CqrsRuleEvaluation.*"
  }
  # Prometheus puts file and group into one label, rule_group="FILE;GROUP"; the file is the user's.
  disable = ["promql/regexp"]
}

rule {
  match {
    kind = "alerting"
    name = "CqrsCollector.*"
  }
  # A collector counts under names with _total or without, never both; and it is optional.
  disable = ["promql/series"]
}

rule {
  match {
    kind = "recording"
    name = "cqrs:.*_failures:.*"
  }
  match {
    kind = "alerting"
    name = "Cqrs.*TypeUnknown"
  }
  # Failures are born with the first of their kind, and a healthy service may never have had one.
  disable = ["promql/series"]
}

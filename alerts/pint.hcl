# Settings of pint (https://cloudflare.github.io/pint/), which lints the generated rules.

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

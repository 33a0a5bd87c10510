# Settings of pint (https://cloudflare.github.io/pint/), which lints the generated rules. With a block
# `prometheus "NAME" { uri = "http://..." }` added, it compares them with that server's series too.

rule {
  match {
    kind = "recording"
    name = "cqrs:(slo_.*|projection_state:bool)"
  }
  # A chain of rules that is longer than a group may be goes on in the next one, which sees what is
  # at most an interval old. Of the objectives pint compares names alone: each group reads those of
  # its own side, by the label cqrs_side.
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
    name = "cqrs:.*_(errors|rejections):(rate|first).*"
  }
  match {
    kind = "alerting"
    name = "Cqrs.*TypeUnknown"
  }
  # Errors and rejections are born with the first of their kind, and a healthy service may never have had one.
  disable = ["promql/series"]
}

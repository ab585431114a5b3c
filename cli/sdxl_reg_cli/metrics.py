"""`sdxl-reg metrics`: which scores there are, and what they mean."""

import click

from sdxl_reg_cli.console import json_option, print_json, print_table, say


@click.command()
@json_option
def metrics(as_json: bool) -> None:
    """List the scores of grid cells: what each measures, which end is good, what it needs."""
    from sdxl_reg.evaluation.metrics.discovery import all_metrics

    working, broken = all_metrics()
    items = [
        {
            "name": metric.name,
            "summary": metric.summary,
            "better": str(metric.better),
            "needs": sorted(str(need) for need in metric.needs),
            "low": metric.low,
            "high": metric.high,
        }
        for metric in working
    ]
    if as_json:
        print_json({"items": items, "broken": [vars(plugin) for plugin in broken]})
        return
    rows = [
        [metric.name, str(metric.better), ", ".join(sorted(metric.needs)), metric.summary]
        for metric in working
    ]
    print_table(["metric", "better", "needs", "what it measures"], rows)
    for plugin in broken:
        say(f"not loaded: {plugin.name}: {plugin.reason}")

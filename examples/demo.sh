#!/bin/sh
# The main job on the rendered example set. `make demo` calls this; SDXL_REG_HOME says where it is kept.
set -eu
cd "$(dirname "$0")/.."

run() {
    printf '\n$'
    printf ' %s' "$@"
    printf '\n'
    "$@"
}

run python examples/render_products.py
run sdxl-reg ingest examples/products --caption "a t-shirt on a black background, {tags}"
if sdxl-reg artifact show weipin-lora --json >/dev/null 2>&1; then
    printf '\nweipin-lora was trained before; rm -r demo starts anew\n'
else
    run sdxl-reg train lora --dataset weipin --config examples/weipin.toml
fi
run sdxl-reg grid weipin-lora --out examples/weipin-grid.png --guidance-scale 3 --seed 3 \
    --prompt "a t-shirt on a black background, qzy, flawed, spot" \
    --prompt "a t-shirt on a black background, lsbr, flawless"
run sdxl-reg lineage weipin-lora@best

cat <<END

The sheet:     examples/weipin-grid.png
The adapter:   SDXL_REG_HOME=$SDXL_REG_HOME sdxl-reg artifact export weipin-lora@best --to .
The pages:     make serve, then open http://127.0.0.1:8000
END

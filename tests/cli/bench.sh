# bench: every part is there; what differs from machine to machine is left out.
numbers() { sed -E 's/[0-9.]+e?[+-]?[0-9]*/N/g; s/ +/ /g'; }
of3 bench -c ob.safetensors --tokens 9 --passes 1 --steps 2 --what phases --isa plain --threads 2 | numbers
of3 bench -c ob.safetensors --tokens 9 --passes 1 --steps 2 --what kernels --isa plain --threads 2 >kernels
grep -oE '^(trunk pass|denoiser step|heads)' kernels
for phase in 'trunk pass' 'denoiser step'; do
  sed -n "/^$phase/,/^\$/p" kernels | grep -oE '^[a-z_]+ +[0-9x]+( [0-9x]+)?[a-z, ]* +[0-9]+ ' | sed -E 's/ +/ /g' | sort
  echo
done
of3 bench --what peak --json --threads 1 --isa plain | sed -E 's/[0-9.]+e\+[0-9]+/N/'
of3 bench -c ob.safetensors --tokens 9 --passes 1 --steps 1 --processor-time --json >json
grep -cE '"name": .*"seconds": [0-9.e+-]+, "flop": [0-9.e+-]+' json
of3 bench -c ob.safetensors --tokens 9 --passes 2 --steps 3 --what phases --json |
  sed -nE 's/.*"name": "([a-z ]+)", "count": ([0-9]+), .*"flop": ([0-9.e+]+).*/\1|\2|\3/p' |
  awk -F'|' '$1 == "whole fold" { whole = $3; next } { sum += $2 * $3 }
    END { print (sum && (whole / sum - 1) ^ 2 < 1e-12 ? "the whole is the sum of its parts" : "whole " whole ", parts " sum) }'
of3 bench -c ob.safetensors --tokens 9 --passes 1 --steps 2 --what phases --json >json
sed -nE 's/.*"name": "([a-z ]+)", .*"seconds": ([0-9.e+-]+),.*/\1|\2/p; s/.*"computed_fold": .*"seconds": ([0-9.e+-]+),.*/computed|\1/p' json |
  awk -F'|' '$1 == "trunk pass" { sum += 4 * $2 } $1 == "denoiser step" { sum += 200 * $2 }
    $1 ~ /^(inputs|denoiser preparation|heads)$/ { sum += $2 } $1 == "computed" { computed = $2 }
    END { print (sum && (computed / sum - 1) ^ 2 < 1e-12 ? "a fold is computed from its phases, without loading" : "computed " computed ", phases " sum) }'
run of3 bench --what speed
run of3 bench --backend cpu --dtype f16
run of3 bench -c ob.safetensors --tokens 0
run of3 bench -c ob.safetensors --tokens 3000 --max-memory 100MB

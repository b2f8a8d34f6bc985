# 99,999 refused queries: in linear time (a quadratic one takes minutes), each with its reason.
awk 'BEGIN { for (i = 0; i < 99999; i++) printf ">q%d\nMK7\n", i; print ">good\nMKT" }' >many.fasta
code=0
quick many.fasta -c ob.safetensors -o out >shown 2>errors || code=$?
echo "exit $code"
head -n 1 errors
tail -n 1 errors
grep -c "^  - q[0-9]*: " out/summary.txt
grep -c "is '7', which is no capital letter$" out/summary.txt
cut -f1 out/ranking.tsv | uniq

# Sourced: the arguments of many.sh, screen.sh, search.sh (a folder in the place of CHECKPOINT) and trunk256.sh.
#   arguments "OPTION ..." CHECKPOINT [FILE] [--OPTION VALUE ...]
# sets the variable of each option that is given, and checkpoint and of3; calls usage if they are wrong.
arguments() {
  local known=" $1 " positional=()
  shift
  while [ $# -gt 0 ]; do
    case $1 in
      --*)
        [[ $known == *" ${1#--} "* ]] && [ $# -ge 2 ] || usage
        declare -g "${1#--}=$2"
        shift 2 ;;
      -*) usage ;;
      *) positional+=("$1"); shift ;;
    esac
  done
  [ ${#positional[@]} -ge 1 ] && [ ${#positional[@]} -le 2 ] || usage
  checkpoint=$(realpath "${positional[0]}")
  of3=${positional[1]:-$here/../build/of3}
}

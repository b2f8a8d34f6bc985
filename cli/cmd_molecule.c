#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "of3_chem.h"
#include "terminal.h"
#include "text.h"

typedef struct molecule_options {
  const char *ccd, *code, *svg;
  bool hydrogens;
} molecule_options;

static const cli_option table[] = {
    {.names = "ccd",
     .kind = CLI_FILE,
     .offset = offsetof(molecule_options, ccd),
     .value = "FILE",
     .none = "$OF3_CCD, else the default place",
     .help = "A dictionary of components made by 'of3 ccd build'"},
    {.names = "code",
     .kind = CLI_TEXT,
     .offset = offsetof(molecule_options, code),
     .value = "CODE",
     .none = "the only one",
     .help = "Which component, if FILE describes several"},
    {.names = "svg",
     .kind = CLI_TEXT,
     .offset = offsetof(molecule_options, svg),
     .value = "FILE",
     .none = "not drawn",
     .help = "Write a drawing of it"},
    {.names = "hydrogens",
     .kind = CLI_FLAG,
     .offset = offsetof(molecule_options, hydrogens),
     .help = "List hydrogens too"},
};

static void molecule_defaults(void *options) { *(molecule_options *)options = (molecule_options){0}; }

static bool molecule_is_hydrogen(const of3_component_atom_info *a) {
  return strcmp(a->element, "H") == 0 || strcmp(a->element, "D") == 0;
}

static void molecule_put_line(const char *label, const char *text) {
  if (!*text) return;
  printf("%-9s ", label);
  cli_put(stdout, text);
  putchar('\n');
}

static void molecule_put_head(const of3_component_info *c) {
  int heavy = 0, leaving = 0;
  for (int i = 0; i < c->n_atom; i++) {
    heavy += !molecule_is_hydrogen(&c->atom[i]);
    leaving += c->atom[i].leaving && !molecule_is_hydrogen(&c->atom[i]);
  }
  molecule_put_line("code", c->code);
  molecule_put_line("name", c->name);
  molecule_put_line("type", c->type);
  molecule_put_line("formula", c->formula);
  molecule_put_line("parent", c->parent);
  molecule_put_line("status", c->status);
  molecule_put_line("replaced", c->replaced_by);
  molecule_put_line("changed", c->modified);
  molecule_put_line("source", c->source);
  printf("atoms     %d, %d of them heavy, of which %d may leave\n", c->n_atom, heavy, leaving);
  printf("bonds     %d\n\n", c->n_bond);
}

/* "C=", "N-": the partners of an atom with the order of the bond. */
static void molecule_put_partners(const of3_component_info *c, int atom, bool hydrogens) {
  static const char *const signs[] = {"", "-", "=", "#", "$"};
  for (int i = 0; i < c->n_bond; i++) {
    const of3_component_bond_info *b = &c->bond[i];
    if (b->a != atom && b->b != atom) continue;
    const of3_component_atom_info *other = &c->atom[b->a == atom ? b->b : b->a];
    if (!hydrogens && molecule_is_hydrogen(other)) continue;
    printf(" %s", b->aromatic ? ":" : signs[b->order >= 1 && b->order <= 4 ? b->order : 0]);
    cli_put(stdout, other->name);
  }
}

static void molecule_put_atoms(const of3_component_info *c, bool hydrogens) {
  printf("%-8s %-7s %6s  %1s  %-6s %-6s bonded to\n", "atom", "element", "charge", "H", "stereo", "leaves");
  for (int i = 0; i < c->n_atom; i++) {
    const of3_component_atom_info *a = &c->atom[i];
    char stereo[2] = {a->stereo == 'N' ? '-' : a->stereo, 0};
    if (!hydrogens && molecule_is_hydrogen(a)) continue;
    cli_put_column(stdout, a->name, 8);
    putchar(' ');
    cli_put_column(stdout, a->element, 7);
    printf(" %6d  %d  %-6s %-6s", a->charge, a->hydrogens, stereo, a->leaving ? "yes" : "-");
    molecule_put_partners(c, i, hydrogens);
    putchar('\n');
  }
}

static int molecule_run(const void *options, const char *const *arg, int n) {
  const molecule_options *o = options;
  of3_component_options from = {.ccd = o->ccd, .code = o->code};
  of3_component_info *c = NULL;
  of3_error err = {0};
  (void)n;
  of3_status status = of3_component_describe(arg[0], &from, &c, &err);
  if (status == OF3_OK) {
    molecule_put_head(c);
    molecule_put_atoms(c, o->hydrogens);
  }
  if (status == OF3_OK && o->svg) status = of3_component_draw(c, o->svg, &err);
  of3_component_info_free(c);
  return status == OF3_OK ? CLI_EXIT_OK : cli_report(&err);
}

const cli_command cli_molecule = {
    .name = "molecule",
    .usage = "CODE|SMILES|FILE [options]",
    .summary = "List the atoms and bonds of a chemical component, and draw it",
    .least = 1,
    .most = 1,
    .option = table,
    .n_option = sizeof table / sizeof *table,
    .size = sizeof(molecule_options),
    .defaults = molecule_defaults,
    .run = molecule_run,
    .more = "CODE is one of the chemical component dictionary (ALA, ATP, ZN), FILE a CIF file that describes "
            "components,\nor an SDF or mol file. SMILES, SDF and mol files need RDKit "
            "(docs/components.md).\nBonds: - single, = double, # triple, : aromatic.\n"
            "\n"
            "Example\n  of3 molecule ATP --svg atp.svg\n",
};

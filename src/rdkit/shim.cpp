// The plugin: RDKit's molecules, sanitising, stereochemistry and ETKDGv3 behind rdkit/shim.h.
#include <GraphMol/Depictor/RDDepictor.h>
#include <GraphMol/DistGeomHelpers/Embedder.h>
#include <GraphMol/FileParsers/FileParsers.h>
#include <GraphMol/ForceFieldHelpers/MMFF/MMFF.h>
#include <GraphMol/ForceFieldHelpers/UFF/UFF.h>
#include <GraphMol/GraphMol.h>
#include <GraphMol/MolOps.h>
#include <GraphMol/PeriodicTable.h>
#include <GraphMol/SanitException.h>
#include <GraphMol/SmilesParse/SmilesParse.h>
#include <GraphMol/Substruct/SubstructMatch.h>
#include <RDGeneral/RDLog.h>
#include <RDGeneral/versions.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <memory>
#include <mutex>
#include <new>
#include <shared_mutex>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "rdkit/shim.h"

// Hydrogens that RDKit keeps (isotopes) are among the atoms of `mol`, but not among `heavy`.
struct of3_rdkit_mol {
  std::unique_ptr<RDKit::RWMol> mol;
  std::vector<unsigned> heavy; // numbers of atoms
  std::vector<int> place;      // of an atom in `heavy`, or -1
};

namespace of3 {
namespace {

void say(char *why, size_t size, const std::string &text) {
  std::snprintf(why, size, "%s", text.c_str());
  for (char *c = why; *c; c++)
    if (*c == '\n' || *c == '\t') *c = ' ';
}

// "Explicit valence for atom # 1 N, 4, is greater than permitted", for those who count from 1.
std::string explain_valence(const char *what) {
  unsigned atom = 0;
  char symbol[4] = "";
  int found = 0, most = 0;
  if (std::sscanf(what, "Explicit valence for atom # %u %3[A-Za-z], %d", &atom, symbol, &found) != 3)
    return what;
  for (int v : RDKit::PeriodicTable::getTable()->getValenceList(symbol)) most = std::max(most, v);
  std::string text = "atom " + std::to_string(atom + 1) + " (" + symbol + ") has " + std::to_string(found) +
                     " bonds where " + std::to_string(most) + " are allowed";
  return text + "; perhaps a charge is missing, as in [" + symbol + "+]";
}

std::string explain_rings(const RDKit::KekulizeException &e) {
  std::string text = "double bonds cannot be placed in the aromatic rings with the atoms";
  for (unsigned i : e.getAtomIndices()) text += " " + std::to_string(i + 1);
  return text + "; perhaps a hydrogen is missing, as in [nH]";
}

// Runs f; what it throws becomes a text.
template <typename F> bool guarded(char *why, size_t size, F f) {
  try {
    f();
    return true;
  } catch (const RDKit::AtomValenceException &e) {
    say(why, size, explain_valence(e.what()));
  } catch (const RDKit::KekulizeException &e) {
    say(why, size, explain_rings(e));
  } catch (const std::bad_alloc &) {
    say(why, size, "it takes more memory than there is");
  } catch (const std::exception &e) {
    say(why, size, e.what());
  } catch (...) {
    say(why, size, "RDKit failed without a reason");
  }
  return false;
}

bool is_metal(int z) {
  return (z >= 21 && z <= 31) || (z >= 39 && z <= 50) || (z >= 57 && z <= 83) || z >= 89 || z == 3 ||
         z == 4 || z == 11 || z == 12 || z == 13 || z == 19 || z == 20 || z == 37 || z == 38 || z == 55 ||
         z == 56;
}

// Single bonds between a metal and a non-metal become dative, to the metal.
void make_dative(RDKit::RWMol &mol) {
  for (auto *bond : mol.bonds()) {
    auto *a = bond->getBeginAtom(), *b = bond->getEndAtom();
    const bool x = is_metal(a->getAtomicNum()), y = is_metal(b->getAtomicNum());
    if (x == y || bond->getBondType() != RDKit::Bond::SINGLE) continue;
    bond->setBondType(RDKit::Bond::DATIVE);
    if (!x) continue;
    bond->setBeginAtom(b);
    bond->setEndAtom(a);
  }
}

// As given; if a valence does not fit, with dative bonds to metals.
void sanitize(std::unique_ptr<RDKit::RWMol> &mol) {
  auto copy = std::make_unique<RDKit::RWMol>(*mol);
  try {
    RDKit::MolOps::sanitizeMol(*mol);
  } catch (const RDKit::MolSanitizeException &) {
    make_dative(*copy);
    RDKit::MolOps::sanitizeMol(*copy);
    mol = std::move(copy);
  }
}

of3_rdkit_mol *finished(std::unique_ptr<RDKit::RWMol> mol) {
  auto out = std::make_unique<of3_rdkit_mol>();
  for (const auto *a : mol->atoms()) {
    const bool heavy = a->getAtomicNum() != 1;
    out->place.push_back(heavy ? static_cast<int>(out->heavy.size()) : -1);
    if (heavy) out->heavy.push_back(a->getIdx());
  }
  out->mol = std::move(mol);
  return out.release();
}

// What RDKit says in its log of errors while this lives. The log is one for all threads: SMILES are read side
// by side as long as nobody wants to know what is wrong with one.
class ErrorLog {
public:
  ErrorLog() : before(rdErrorLog) { rdErrorLog = std::make_shared<boost::logging::rdLogger>(&text); }
  ~ErrorLog() { rdErrorLog = before; }
  ErrorLog(const ErrorLog &) = delete;
  ErrorLog &operator=(const ErrorLog &) = delete;

  // "[12:00:00] SMILES Parse Error: unclosed ring for input: 'C1CC'": the middle.
  std::string reason() const {
    const std::string all = text.str(), before_it = "Parse Error: ";
    auto from = all.find(before_it);
    if (from == std::string::npos) return "it is no SMILES";
    from += before_it.size();
    const auto to =
        std::min({all.find('\n', from), all.find(" for input", from), all.find(" while parsing", from)});
    return all.substr(from, to - from);
  }

private:
  std::ostringstream text;
  RDLogger before;
};

std::unique_ptr<RDKit::RWMol> parsed_smiles(const char *smiles, bool whole) {
  static std::shared_mutex reading;
  RDKit::SmilesParserParams params;
  params.sanitize = params.removeHs = whole;
  std::shared_lock<std::shared_mutex> beside(reading);
  std::unique_ptr<RDKit::RWMol> mol(RDKit::SmilesToMol(smiles, params));
  if (mol) return mol;
  beside.unlock();
  const std::unique_lock<std::shared_mutex> alone(reading);
  const ErrorLog log;
  mol.reset(RDKit::SmilesToMol(smiles, params));
  if (!mol) throw std::runtime_error(log.reason());
  return mol;
}

// As Chem.MolFromSmiles does it; what that refuses, perhaps with dative bonds.
of3_rdkit_mol *from_smiles(const char *smiles, char *why, size_t size) {
  of3_rdkit_mol *out = nullptr;
  guarded(why, size, [&] {
    std::unique_ptr<RDKit::RWMol> mol;
    try {
      mol = parsed_smiles(smiles, true);
    } catch (const RDKit::MolSanitizeException &) {
      mol = parsed_smiles(smiles, false);
      sanitize(mol);
      RDKit::MolOps::removeHs(*mol);
      RDKit::MolOps::assignStereochemistry(*mol, true, true, true);
    }
    out = finished(std::move(mol));
  });
  return out;
}

std::unique_ptr<RDKit::RWMol> parsed_mol_block(const char *text, bool whole) {
  std::unique_ptr<RDKit::RWMol> mol(RDKit::MolBlockToMol(text, whole, whole));
  if (!mol) throw std::runtime_error("it is no mol file");
  return mol;
}

bool is_in_space(const RDKit::RWMol &mol) { return mol.getNumConformers() && mol.getConformer().is3D(); }

of3_rdkit_mol *from_mol_block(const char *text, char *why, size_t size) {
  of3_rdkit_mol *out = nullptr;
  guarded(why, size, [&] {
    std::unique_ptr<RDKit::RWMol> mol;
    try {
      mol = parsed_mol_block(text, true);
    } catch (const RDKit::MolSanitizeException &) {
      mol = parsed_mol_block(text, false);
      sanitize(mol);
      RDKit::MolOps::removeHs(*mol);
      RDKit::MolOps::assignStereochemistry(*mol, true, true, true);
    }
    if (is_in_space(*mol)) RDKit::MolOps::assignStereochemistryFrom3D(*mol);
    out = finished(std::move(mol));
  });
  return out;
}

void set_positions(RDKit::RWMol &mol, int n_atom, const float *xyz) {
  auto *conformer = new RDKit::Conformer(n_atom);
  for (int i = 0; i < n_atom; i++)
    conformer->setAtomPos(i, RDGeom::Point3D(xyz[3 * i], xyz[3 * i + 1], xyz[3 * i + 2]));
  conformer->set3D(true);
  mol.addConformer(conformer, true);
}

of3_rdkit_mol *from_graph(int n_atom, const of3_rdkit_atom *atom, int n_bond, const of3_rdkit_bond *bond,
                          const float *opt_xyz, char *why, size_t size) {
  of3_rdkit_mol *out = nullptr;
  guarded(why, size, [&] {
    auto mol = std::make_unique<RDKit::RWMol>();
    for (int i = 0; i < n_atom; i++) {
      auto *a = new RDKit::Atom(atom[i].element);
      a->setFormalCharge(atom[i].charge);
      mol->addAtom(a, false, true);
    }
    for (int i = 0; i < n_bond; i++)
      mol->addBond(static_cast<unsigned>(bond[i].a), static_cast<unsigned>(bond[i].b),
                   static_cast<RDKit::Bond::BondType>(bond[i].order));
    if (opt_xyz) set_positions(*mol, n_atom, opt_xyz);
    sanitize(mol);
    if (opt_xyz) RDKit::MolOps::assignStereochemistryFrom3D(*mol);
    mol->clearConformers();
    out = finished(std::move(mol));
  });
  return out;
}

void free_mol(of3_rdkit_mol *mol) { delete mol; }

bool is_between_heavy(const of3_rdkit_mol *m, const RDKit::Bond &b) {
  return m->place[b.getBeginAtomIdx()] >= 0 && m->place[b.getEndAtomIdx()] >= 0;
}

void count(const of3_rdkit_mol *m, int *ret_atoms, int *ret_bonds) {
  *ret_atoms = static_cast<int>(m->heavy.size());
  *ret_bonds = 0;
  for (const auto *b : m->mol->bonds()) *ret_bonds += is_between_heavy(m, *b);
}

char stereo_of(const RDKit::Atom &a) {
  std::string code;
  return a.getPropIfPresent("_CIPCode", code) && code.size() == 1 ? code[0] : 'N';
}

void describe(const of3_rdkit_mol *m, of3_rdkit_atom *atom, of3_rdkit_bond *bond) {
  char why[8];
  RDKit::RWMol kekule(*m->mol);
  guarded(why, sizeof why, [&] { RDKit::MolOps::Kekulize(kekule, false); });
  guarded(why, sizeof why, [&] { RDKit::MolOps::assignStereochemistry(kekule, true, true); });
  for (unsigned i : m->heavy) {
    const auto *a = kekule.getAtomWithIdx(i);
    *atom++ = {a->getAtomicNum(), a->getFormalCharge(), static_cast<int>(a->getTotalNumHs(true)),
               a->getIsAromatic(), stereo_of(*a)};
  }
  for (const auto *b : kekule.bonds())
    if (is_between_heavy(m, *b))
      *bond++ = {m->place[b->getBeginAtomIdx()], m->place[b->getEndAtomIdx()],
                 static_cast<int>(b->getBondType()), b->getIsAromatic()};
}

void get_positions(const of3_rdkit_mol *m, const RDKit::Conformer &from, float *xyz) {
  for (unsigned i : m->heavy) {
    const auto &p = from.getAtomPos(i);
    *xyz++ = static_cast<float>(p.x);
    *xyz++ = static_cast<float>(p.y);
    *xyz++ = static_cast<float>(p.z);
  }
}

bool positions(const of3_rdkit_mol *m, float *xyz) {
  if (!is_in_space(*m->mol)) return false;
  get_positions(m, m->mol->getConformer(), xyz);
  return true;
}

// A search for a conformer, one for each thread at a time. RDKit puts a handler of its own for SIGINT in the
// place of the program's, once for each part of the molecule, and what it puts back afterwards may be the
// handler of another thread's search. Here the program's comes back with every step, and when a search ends.
// A signal between RDKit's handler and the next step makes RDKit leave the search without a reason, and is
// handed on (embed).
class Search {
public:
  Search(const volatile sig_atomic_t *opt_cancel, unsigned seconds)
      : cancel(opt_cancel), limited(seconds > 0),
        end(std::chrono::steady_clock::now() + std::chrono::seconds(seconds)) {
    const std::lock_guard<std::mutex> guard(mutex);
    if (searches++ == 0) sigaction(SIGINT, nullptr, &program);
    current = this;
  }
  ~Search() {
    current = nullptr;
    const std::lock_guard<std::mutex> guard(mutex);
    restore();
    searches--;
  }
  Search(const Search &) = delete;
  Search &operator=(const Search &) = delete;

  // number: of the step, from 1, of a part of the molecule
  static void step(unsigned number) {
    restore();
    current->last = number;
    if (current->cancelled()) throw std::runtime_error("interrupted");
    if (current->late()) throw std::runtime_error("no conformer was found in time");
  }

  bool late() const { return limited && std::chrono::steady_clock::now() > end; }
  // Whether it has tried as often as it may.
  bool exhausted(unsigned most_steps) const { return most_steps > 0 && last >= most_steps; }

  // SIGINT once more, unless another search has done so.
  void hand_on() {
    const std::lock_guard<std::mutex> guard(mutex);
    restore();
    if (!cancelled()) raise(SIGINT);
  }

private:
  static thread_local Search *current;
  static inline std::mutex mutex;
  static inline int searches = 0;
  static inline struct sigaction program = {};
  const volatile sig_atomic_t *cancel;
  bool limited;
  std::chrono::steady_clock::time_point end;
  unsigned last = 0;

  static void restore() { sigaction(SIGINT, &program, nullptr); }
  bool cancelled() const { return cancel && __atomic_load_n(cancel, __ATOMIC_RELAXED); }
};
thread_local Search *Search::current = nullptr;

// Older RDKit has no limit of time of its own; Search ends it between two steps.
template <typename P> auto set_limit(P &p, unsigned seconds, int) -> decltype(p.timeout = seconds, void()) {
  p.timeout = seconds;
}
template <typename P> void set_limit(P &, unsigned, long) {}

// The number of the conformer in mol, or -1. A search that ended before its limits is repeated, which gives
// the same again (a molecule for which RDKit finds no bounds of distances) unless it was SIGINT that ended
// it.
int embed(RDKit::RWMol &mol, const RDKit::DGeomHelpers::EmbedParameters &params, Search &search) {
  for (bool again = false;; again = true) {
    RDKit::DGeomHelpers::EmbedParameters own = params; // RDKit notes the number of steps there
    const int id = RDKit::DGeomHelpers::EmbedMolecule(mol, own);
    const bool explained = id >= 0 || search.exhausted(own.maxIterations);
    if (explained && again) search.hand_on();
    if (explained || again || search.late()) return id;
  }
}

// With hydrogens and the conformer that was found; throws if none was.
RDKit::RWMol embedded(const of3_rdkit_mol *m, of3_rdkit_strategy strategy, int seed, of3_rdkit_limits limits,
                      const volatile sig_atomic_t *opt_cancel) {
  RDKit::RWMol mol(*m->mol);
  mol.clearConformers();
  RDKit::MolOps::addHs(mol);
  RDKit::DGeomHelpers::EmbedParameters params(RDKit::DGeomHelpers::ETKDGv3);
  params.randomSeed = seed;
  params.clearConfs = false;
  params.useSmallRingTorsions = strategy == OF3_RDKIT_SMALL_RINGS;
  params.useRandomCoords = strategy == OF3_RDKIT_RANDOM;
  params.maxIterations = limits.steps;
  params.callback = Search::step;
  set_limit(params, limits.seconds, 0);
  Search search(opt_cancel, limits.seconds);
  if (embed(mol, params, search) < 0) throw std::runtime_error("no conformer was found");
  return mol;
}

bool conformer(const of3_rdkit_mol *m, of3_rdkit_strategy strategy, int seed, of3_rdkit_limits limits,
               const volatile sig_atomic_t *opt_cancel, float *xyz, char *why, size_t size) {
  return guarded(why, size, [&] {
    get_positions(m, embedded(m, strategy, seed, limits, opt_cancel).getConformer(), xyz);
  });
}

bool relaxed(const of3_rdkit_mol *m, int seed, of3_rdkit_limits limits,
             const volatile sig_atomic_t *opt_cancel, float *xyz, char *why, size_t size) {
  constexpr int most_steps = 200;
  constexpr double non_bonded_beyond = 100,
                   van_der_waals_beyond = 10; // times their distance: Python's defaults
  return guarded(why, size, [&] {
    RDKit::RWMol mol = embedded(m, OF3_RDKIT_PLAIN, seed, limits, opt_cancel);
    if (RDKit::MMFF::MMFFMolProperties(mol).isValid())
      RDKit::MMFF::MMFFOptimizeMolecule(mol, most_steps, "MMFF94", non_bonded_beyond);
    else
      RDKit::UFF::UFFOptimizeMolecule(mol, most_steps, van_der_waals_beyond);
    get_positions(m, mol.getConformer(), xyz);
  });
}

void flat(const of3_rdkit_mol *m, float *xy) {
  char why[8];
  RDKit::RWMol mol(*m->mol);
  const bool ok = guarded(why, sizeof why, [&] { RDDepict::compute2DCoords(mol); });
  for (unsigned i : m->heavy) {
    *xy++ = ok ? static_cast<float>(mol.getConformer().getAtomPos(i).x) : static_cast<float>(i);
    *xy++ = ok ? static_cast<float>(mol.getConformer().getAtomPos(i).y) : 0;
  }
}

bool symmetries(const of3_rdkit_mol *m, int most, int32_t *index, int *ret_n, char *why, size_t size) {
  *ret_n = 0;
  return guarded(why, size, [&] {
    RDKit::SubstructMatchParameters how;
    how.uniquify = false;
    how.useChirality = false;
    how.maxMatches = static_cast<unsigned>(most);
    const size_t n = m->mol->getNumAtoms();
    for (const auto &match : RDKit::SubstructMatch(*m->mol, *m->mol, how)) {
      for (const auto &pair : match)
        index[static_cast<size_t>(*ret_n) * n + static_cast<size_t>(pair.first)] = pair.second;
      ++*ret_n;
    }
  });
}

} // namespace
} // namespace of3

extern "C" __attribute__((visibility("default"))) const of3_rdkit *of3_rdkit_entry(void) {
  boost::logging::disable_logs("rdApp.*"); // nothing under src/ prints
  static const of3_rdkit table = {OF3_RDKIT_ABI,   RDKit::rdkitVersion, of3::from_smiles, of3::from_mol_block,
                                  of3::from_graph, of3::free_mol,       of3::count,       of3::describe,
                                  of3::positions,  of3::conformer,      of3::relaxed,     of3::flat,
                                  of3::symmetries};
  return &table;
}

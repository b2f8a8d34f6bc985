// The plugin: RDKit's molecules, sanitising, stereochemistry and ETKDGv3 behind rdkit/shim.h.
#include <GraphMol/Depictor/RDDepictor.h>
#include <GraphMol/DistGeomHelpers/Embedder.h>
#include <GraphMol/FileParsers/FileParsers.h>
#include <GraphMol/GraphMol.h>
#include <GraphMol/MolOps.h>
#include <GraphMol/SmilesParse/SmilesParse.h>
#include <RDGeneral/RDLog.h>
#include <RDGeneral/versions.h>

#include <cstdio>
#include <exception>
#include <memory>
#include <string>

#include "rdkit/shim.h"

struct of3_rdkit_mol {
  std::unique_ptr<RDKit::RWMol> mol;
};

namespace of3 {
namespace {

void say(char *why, size_t size, const char *text) {
  std::snprintf(why, size, "%s", text);
  for (char *c = why; *c; c++)
    if (*c == '\n' || *c == '\t') *c = ' ';
}

// Runs f; what it throws becomes a text.
template <typename F> bool guarded(char *why, size_t size, F f) {
  try {
    f();
    return true;
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

// Hydrogens that are written out are not kept.
of3_rdkit_mol *finished(std::unique_ptr<RDKit::RWMol> mol) {
  try {
    auto copy = std::make_unique<RDKit::RWMol>(*mol);
    RDKit::MolOps::removeAllHs(*copy);
    mol = std::move(copy);
  } catch (const std::exception &) {
    RDKit::MolOps::removeAllHs(*mol, false);
  }
  return new of3_rdkit_mol{std::move(mol)};
}

of3_rdkit_mol *from_smiles(const char *smiles, char *why, size_t size) {
  of3_rdkit_mol *out = nullptr;
  guarded(why, size, [&] {
    RDKit::SmilesParserParams params;
    params.sanitize = false;
    params.removeHs = false;
    std::unique_ptr<RDKit::RWMol> mol(RDKit::SmilesToMol(smiles, params));
    if (!mol) throw std::runtime_error("it is no SMILES");
    sanitize(mol);
    RDKit::MolOps::assignStereochemistry(*mol, true, true, true);
    RDKit::MolOps::removeHs(*mol);
    out = new of3_rdkit_mol{std::move(mol)};
  });
  return out;
}

of3_rdkit_mol *from_mol_block(const char *text, char *why, size_t size) {
  of3_rdkit_mol *out = nullptr;
  guarded(why, size, [&] {
    std::unique_ptr<RDKit::RWMol> mol(RDKit::MolBlockToMol(text, false, false));
    if (!mol) throw std::runtime_error("it is no mol file");
    sanitize(mol);
    if (mol->getNumConformers() && mol->getConformer().is3D())
      RDKit::MolOps::assignStereochemistryFrom3D(*mol);
    else
      RDKit::MolOps::assignStereochemistry(*mol, true, true, true);
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
    out = new of3_rdkit_mol{std::move(mol)};
  });
  return out;
}

void free_mol(of3_rdkit_mol *mol) { delete mol; }

void count(const of3_rdkit_mol *m, int *ret_atoms, int *ret_bonds) {
  *ret_atoms = static_cast<int>(m->mol->getNumAtoms());
  *ret_bonds = static_cast<int>(m->mol->getNumBonds());
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
  for (const auto *a : kekule.atoms())
    atom[a->getIdx()] = {a->getAtomicNum(), a->getFormalCharge(), static_cast<int>(a->getTotalNumHs()),
                         a->getIsAromatic(), stereo_of(*a)};
  for (const auto *b : kekule.bonds())
    bond[b->getIdx()] = {static_cast<int>(b->getBeginAtomIdx()), static_cast<int>(b->getEndAtomIdx()),
                         static_cast<int>(b->getBondType()), b->getIsAromatic()};
}

// Older RDKit has no limit of time.
template <typename P> auto set_limit(P &p, unsigned seconds, int) -> decltype(p.timeout = seconds, true) {
  p.timeout = seconds;
  return true;
}
template <typename P> bool set_limit(P &, unsigned, long) { return false; }

bool conformer(const of3_rdkit_mol *m, of3_rdkit_strategy strategy, int seed, unsigned seconds, float *xyz,
               char *why, size_t size) {
  return guarded(why, size, [&] {
    RDKit::RWMol mol(*m->mol);
    const unsigned heavy = mol.getNumAtoms();
    RDKit::MolOps::addHs(mol);
    RDKit::DGeomHelpers::EmbedParameters params(RDKit::DGeomHelpers::ETKDGv3);
    params.randomSeed = seed;
    params.clearConfs = false;
    params.useSmallRingTorsions = strategy == OF3_RDKIT_SMALL_RINGS;
    params.useRandomCoords = strategy == OF3_RDKIT_RANDOM;
    set_limit(params, seconds, 0);
    const int id = RDKit::DGeomHelpers::EmbedMolecule(mol, params);
    if (id < 0) throw std::runtime_error("no conformer was found");
    for (unsigned i = 0; i < heavy; i++) {
      const auto &p = mol.getConformer(id).getAtomPos(i);
      xyz[3 * i] = static_cast<float>(p.x);
      xyz[3 * i + 1] = static_cast<float>(p.y);
      xyz[3 * i + 2] = static_cast<float>(p.z);
    }
  });
}

void flat(const of3_rdkit_mol *m, float *xy) {
  char why[8];
  RDKit::RWMol mol(*m->mol);
  const bool ok = guarded(why, sizeof why, [&] { RDDepict::compute2DCoords(mol); });
  for (unsigned i = 0; i < mol.getNumAtoms(); i++) {
    xy[2 * i] = ok ? static_cast<float>(mol.getConformer().getAtomPos(i).x) : static_cast<float>(i);
    xy[2 * i + 1] = ok ? static_cast<float>(mol.getConformer().getAtomPos(i).y) : 0;
  }
}

bool has_limit() {
  RDKit::DGeomHelpers::EmbedParameters params;
  return set_limit(params, 0, 0);
}

} // namespace
} // namespace of3

extern "C" __attribute__((visibility("default"))) const of3_rdkit *of3_rdkit_entry(void) {
  boost::logging::disable_logs("rdApp.*"); // nothing under src/ prints
  static const of3_rdkit table = {
      OF3_RDKIT_ABI,       RDKit::rdkitVersion, of3::has_limit(), of3::from_smiles,
      of3::from_mol_block, of3::from_graph,     of3::free_mol,    of3::count,
      of3::describe,       of3::conformer,      of3::flat};
  return &table;
}

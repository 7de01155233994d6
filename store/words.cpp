// Texts as people read them, by ICU: where words end, and which letters are the same.

#include "base/ensure.hpp"
#include "store/filter.hpp"

#include <unicode/brkiter.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/uscript.h>

#include <algorithm>
#include <memory>

namespace reprise::store {

namespace {

/// The words of a text in any language. One for each thread: it holds the text that it parts.
icu::BreakIterator& word_breaks() {
  thread_local auto breaks = [] {
    auto status = U_ZERO_ERROR;
    std::unique_ptr<icu::BreakIterator> made{
      icu::BreakIterator::createWordInstance(icu::Locale::getRoot(), status)};
    ENSURE(U_SUCCESS(status), "ICU knows where words end");
    return made;
  }();
  return *breaks;
}

/// All spellings of one text as the same signs: without case, accents composed with their letters.
icu::UnicodeString folded(std::string_view text) {
  auto status = U_ZERO_ERROR;
  auto out = icu::UnicodeString::fromUTF8(
    icu::StringPiece{text.data(), static_cast<std::int32_t>(text.size())});
  out.foldCase(U_FOLD_CASE_DEFAULT);
  const auto* composed = icu::Normalizer2::getNFCInstance(status);
  if (U_FAILURE(status))
    return out;
  auto normal = composed->normalize(out, status);
  return U_SUCCESS(status) ? normal : out;
}

/// Written without blanks, and looked for sign by sign: a dictionary would part a text and what is
/// looked for in it at different places.
bool is_word_by_itself(UChar32 c) {
  return u_hasBinaryProperty(c, UCHAR_IDEOGRAPHIC) != 0
         || u_getIntPropertyValue(c, UCHAR_SCRIPT) == USCRIPT_HIRAGANA;
}

void add(std::vector<std::string>& words, const icu::UnicodeString& word) {
  if (!word.isEmpty())
    word.toUTF8String(words.emplace_back());
}

void add_parts(std::vector<std::string>& words, const icu::UnicodeString& word) {
  icu::UnicodeString rest;
  for (std::int32_t i = 0; i < word.length(); i = word.moveIndex32(i, 1)) {
    auto c = word.char32At(i);
    if (!is_word_by_itself(c)) {
      rest.append(c);
      continue;
    }
    add(words, rest);
    rest.remove();
    add(words, icu::UnicodeString{c});
  }
  add(words, rest);
}

} // namespace

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  auto whole = folded(text);
  auto& breaks = word_breaks();
  breaks.setText(whole);
  for (auto begin = breaks.first(), end = breaks.next(); end != icu::BreakIterator::DONE;
       begin = end, end = breaks.next())
    // Blanks and marks between words have a lower status.
    if (breaks.getRuleStatus() >= UBRK_WORD_NONE_LIMIT)
      add_parts(words, whole.tempSubStringBetween(begin, end));
  std::ranges::sort(words);
  words.erase(std::ranges::unique(words).begin(), words.end());
  return words;
}

} // namespace reprise::store

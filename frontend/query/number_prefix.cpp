// The store of the reference spells a number as "15.0", and as "1.5e+20" where it has more than 17
// digits before the point or more than three zeros behind it; never more digits than tell it from
// its neighbours, and one behind the point at least. Of those texts the ones that begin in a given
// way are ranges of numbers: a digit more only says more of the same number.
#include "frontend/query/number_prefix.hpp"

#include <cmath>
#include <cstdlib>
#include <limits>
#include <string>

namespace reprise::frontend::query {

namespace {

constexpr int fixed_first = -4;
constexpr int fixed_end = 17;
constexpr int exponent_first = -324;
constexpr int exponent_last = 308;

double number(const std::string& digits, int exponent) {
  return std::strtod((digits + "e" + std::to_string(exponent)).c_str(), nullptr);
}

/// The same number of digits, one more in the last place.
std::string next_of(std::string digits) {
  for (auto i = digits.size(); i-- > 0;) {
    if (digits[i] == '.')
      continue;
    if (digits[i] != '9') {
      ++digits[i];
      return digits;
    }
    digits[i] = '0';
  }
  return "1" + digits;
}

bool is_exponential(int exponent) {
  return exponent < fixed_first || exponent >= fixed_end;
}

/// Of positive numbers, without a sign.
class collector {
public:
  explicit collector(std::string digits) : digits_(std::move(digits)), next_(next_of(digits_)) {
    auto point = digits_.find('.');
    has_point_ = point != std::string::npos;
    whole_ = digits_.substr(0, point);
    auto fraction = has_point_ ? digits_.substr(point + 1) : std::string{};
    // No text ends in a zero but the first one behind the point.
    without_first_ = fraction.size() > 1 && fraction.ends_with('0');
  }

  std::vector<real_range> all() && {
    if (whole_ == "0") {
      if (std::string_view{"0.0"}.starts_with(digits_))
        out_.push_back({0, 0});
      add(0, number("1", fixed_first), 1);
    } else if (whole_[0] != '0') {
      // Without a point there may be more digits before it.
      for (int more = 0; more < (has_point_ ? 1 : fixed_end); ++more)
        add(more, 0, number("1", fixed_end));
      for (int e = exponent_first; whole_.size() == 1 && e <= exponent_last; ++e)
        if (is_exponential(e))
          add(e, 0, std::numeric_limits<double>::infinity());
    }
    return std::move(out_);
  }

private:
  void add(int exponent, double least, double end) {
    auto first = number(digits_, exponent);
    if (without_first_)
      first = std::nextafter(first, std::numeric_limits<double>::infinity());
    first = std::max(first, least);
    auto last = std::nextafter(std::min(number(next_, exponent), end), 0);
    if (first > 0 && first <= last && std::isfinite(first))
      out_.push_back({first, last});
  }

  std::string digits_;
  std::string next_;
  std::string whole_{};
  bool has_point_ = false;
  bool without_first_ = false;
  std::vector<real_range> out_{};
};

/// Texts with an exponent, of which the prefix has the beginning: "1.5e", "1.5e+2".
std::vector<real_range> with_exponent(const std::string& digits, std::string_view behind_e) {
  std::vector<real_range> out;
  auto whole = digits.size() >= 3 && digits[0] >= '1' && digits[1] == '.'
               && (digits.size() == 3 || !digits.ends_with('0'));
  for (int e = exponent_first; whole && e <= exponent_last; ++e) {
    auto size = std::to_string(std::abs(e));
    auto text = (e < 0 ? "-" : "+") + std::string(size.size() < 2 ? 1 : 0, '0') + size;
    auto value = number(digits, e);
    if (is_exponential(e) && text.starts_with(behind_e) && value > 0 && std::isfinite(value))
      out.push_back({value, value});
  }
  return out;
}

bool is_decimal(std::string_view text) {
  auto point = text.find('.');
  return !text.empty() && text[0] != '.'
         && text.find_first_not_of("0123456789.") == std::string_view::npos
         && (point == std::string_view::npos
             || text.find('.', point + 1) == std::string_view::npos);
}

} // namespace

std::vector<real_range> reals_beginning_with(std::string_view prefix) {
  constexpr auto most = std::numeric_limits<double>::max();
  auto is_negative = prefix.starts_with('-');
  if (is_negative)
    prefix.remove_prefix(1);
  if (is_negative && prefix.empty())
    return {{-most, -std::numeric_limits<double>::denorm_min()}};
  auto e = prefix.find('e');
  // No text is longer.
  constexpr std::size_t longest = 32;
  if (!is_decimal(prefix.substr(0, e)) || prefix.size() > longest)
    return {};
  std::string digits{prefix.substr(0, e)};
  auto out = e == std::string_view::npos ? collector{digits}.all()
                                         : with_exponent(digits, prefix.substr(e + 1));
  if (is_negative) {
    // Zero has no sign.
    std::erase_if(out, [](const real_range& range) { return range.last == 0; });
    for (auto& range : out)
      range = {-range.last, -range.first};
  }
  return out;
}

} // namespace reprise::frontend::query

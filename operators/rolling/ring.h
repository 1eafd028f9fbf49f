// A queue in one piece of memory, a power of two of places; empty ones have none.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

namespace streamflow {

template <class T>
class Ring {
 public:
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T& operator[](size_t i) { return places_[(head_ + i) & (places_.size() - 1)]; }
  const T& operator[](size_t i) const { return places_[(head_ + i) & (places_.size() - 1)]; }
  T& front() { return (*this)[0]; }
  const T& front() const { return (*this)[0]; }
  T& back() { return (*this)[size_ - 1]; }
  const T& back() const { return (*this)[size_ - 1]; }

  void push_back(T value) {
    if (size_ == places_.size()) grow();
    ++size_;
    back() = std::move(value);
  }
  void pop_front() {
    front() = T();
    head_ = (head_ + 1) & (places_.size() - 1);
    --size_;
  }
  void pop_back() {
    back() = T();
    --size_;
  }

 private:
  void grow() {
    std::vector<T> places(places_.empty() ? 4 : places_.size() * 2);
    for (size_t i = 0; i < size_; ++i) places[i] = std::move((*this)[i]);
    places_ = std::move(places);
    head_ = 0;
  }

  std::vector<T> places_;
  size_t head_ = 0, size_ = 0;
};

}  // namespace streamflow
